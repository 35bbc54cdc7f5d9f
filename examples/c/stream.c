/*
 * Content of any length, in pieces and with little memory:
 *
 *   stream seal KEYFILE RECIPIENT CONTEXT < content > envelope
 *   stream open KEYFILE SENDER CONTEXT < envelope > content     the content counts only if the exit status is 0
 */
#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bulla_error error;
static uint8_t piece[65536];

/* Ends the program, and the system takes back what was not freed. A library returns instead, and frees, as in seal.c. */
static void need(int fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "stream: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static void must(bulla_status status)
{
    need(status == BULLA_OK, error.text);
}

/* Writes what is in a buffer, and empties it for the next piece. */
static void drain(bulla_buffer *buffer)
{
    size_t size = bulla_buffer_length(buffer);
    need((size == 0 || fwrite(bulla_buffer_data(buffer), 1, size, stdout) == size) && fflush(stdout) == 0, "it cannot be written");
    bulla_buffer_clear(buffer);
}

static void seal(const bulla_sealer *sealer, const bulla_draft *draft, bulla_buffer *out)
{
    bulla_seal_stream *stream;
    size_t got;
    must(bulla_seal_stream_new(sealer, draft, BULLA_LENGTH_UNKNOWN, out, &stream, &error));
    while ((got = fread(piece, 1, sizeof piece, stdin)) > 0) {
        must(bulla_seal_stream_update(stream, piece, got, out, &error));
        drain(out);
    }
    need(!ferror(stdin), "standard input cannot be read");
    must(bulla_seal_stream_finish(stream, out, NULL, &error));
    drain(out);
    bulla_seal_stream_free(stream);
}

static void open_one(const bulla_opener *opener, bulla_buffer *out)
{
    bulla_open_stream *stream;
    bulla_message *message;
    must(bulla_open_stream_new(opener, &stream, &error));
    for (size_t got; (got = fread(piece, 1, sizeof piece, stdin)) > 0;) {
        must(bulla_open_stream_update_provisional(stream, piece, got, out, &error));
        drain(out); /* provisional: nobody may act on it before the end */
    }
    need(!ferror(stdin), "standard input cannot be read");
    must(bulla_open_stream_settle_provisional(stream, out, &error));
    drain(out); /* all of it is written before: with a guard, finish() claims the message for good */
    must(bulla_open_stream_finish(stream, out, &message, &error));
    bulla_message_free(message);
    bulla_open_stream_free(stream);
}

int main(int argc, char **argv)
{
    bulla_identity *me;
    bulla_public *other;
    bulla_key key;
    bulla_sealer *sealer = NULL;
    bulla_draft *draft = NULL;
    bulla_policy *policy = NULL;
    bulla_opener *opener = NULL;
    bulla_buffer *out;
    need(argc == 5, "usage: stream seal|open KEYFILE IDENTITY CONTEXT");
    must(bulla_identity_load(argv[2], getenv("BULLA_PASSPHRASE"), &me, &error));
    must(bulla_public_parse(argv[3], &other, &error));
    must(bulla_buffer_new(&out, &error));
    if (strcmp(argv[1], "seal") == 0) {
        must(bulla_sealer_new(me, &sealer, &error));
        must(bulla_sealer_to(sealer, other, &error));
        must(bulla_draft_new(argv[4], &draft, &error));
        seal(sealer, draft, out);
    } else {
        must(bulla_public_key(other, &key, &error));
        must(bulla_policy_new(argv[4], &policy, &error));
        must(bulla_policy_allow(policy, &key, &error));
        /* For files that are kept, and opened again. Messages that are acted upon need a guard: see receipt.c. */
        must(bulla_opener_new_unguarded(me, policy, &opener, &error));
        open_one(opener, out);
    }
    bulla_opener_free(opener), bulla_policy_free(policy), bulla_draft_free(draft), bulla_sealer_free(sealer);
    bulla_buffer_free(out), bulla_public_free(other), bulla_identity_free(me);
    return EXIT_SUCCESS;
}
