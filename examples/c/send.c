/*
 * Sends with a receipt asked for: what awaits one stands in an outbox, in a file, so that nothing is lost in silence.
 *
 *   send DATABASE KEYFILE RECIPIENT CONTEXT < content > envelope     seals it, puts it into the outbox, and gives it
 *   send DATABASE > envelope                                         gives what is due: what was not sent, or has no answer yet
 * The exit status is the class of what came of it (5: nothing is due). settle.c takes the receipt.
 */
#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WITHIN (3 * 24 * 3600) /* seconds in which it is to be there, and answered */

static uint64_t now(void) { return (uint64_t)time(NULL); }

static bulla_status put(const bulla_outbox *outbox, char **argv, const bulla_buffer *content, bulla_sent *sent, bulla_error *error)
{
    bulla_identity *me = NULL;
    bulla_public *own = NULL, *recipient = NULL;
    bulla_sealer *sealer = NULL;
    bulla_draft *draft = NULL;
    bulla_letter *letter = NULL;
    bulla_buffer *sealed = NULL;
    bulla_key key;
    bulla_status status;

    if ((status = bulla_identity_load(argv[2], getenv("BULLA_PASSPHRASE"), &me, error)) == BULLA_OK &&
        (status = bulla_identity_public(me, &own, error)) == BULLA_OK &&
        (status = bulla_public_parse(argv[3], &recipient, error)) == BULLA_OK &&
        (status = bulla_public_key(recipient, &key, error)) == BULLA_OK &&
        (status = bulla_sealer_new(me, &sealer, error)) == BULLA_OK &&
        (status = bulla_sealer_to(sealer, recipient, error)) == BULLA_OK &&
        (status = bulla_draft_new(argv[4], &draft, error)) == BULLA_OK &&
        (status = bulla_draft_expires_in(draft, WITHIN, error)) == BULLA_OK &&
        (status = bulla_draft_ask_receipts(draft, BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED, own, error)) == BULLA_OK &&
        (status = bulla_buffer_new(&sealed, error)) == BULLA_OK &&
        (status = bulla_seal(sealer, draft, bulla_buffer_data(content), bulla_buffer_length(content), sealed, sent, error)) == BULLA_OK &&
        (status = bulla_letter_new(sent, argv[4], &key, 1, now() + WITHIN, &letter, error)) == BULLA_OK)
        status = bulla_outbox_put(outbox, letter, bulla_buffer_data(sealed), bulla_buffer_length(sealed), now(), error);
    bulla_buffer_free(sealed);
    bulla_letter_free(letter);
    bulla_draft_free(draft);
    bulla_sealer_free(sealer);
    bulla_public_free(recipient);
    bulla_public_free(own);
    bulla_identity_free(me);
    return status;
}

/* Marked as sent only when it is: a process that is killed in between sends it again, which does no harm. */
static bulla_status give(const bulla_outbox *outbox, const bulla_sent *sent, bulla_error *error)
{
    bulla_due_list *list = NULL;
    bulla_due due;
    bulla_buffer *envelope = NULL;
    bulla_status status = sent == NULL ? bulla_outbox_due(outbox, now(), 1, &list, error)
                                       : bulla_outbox_take(outbox, &sent->header_digest, now(), &list, error);

    if (status == BULLA_OK && (status = bulla_due_list_count(list) == 0 ? BULLA_NOTHING : BULLA_OK) == BULLA_OK &&
        (status = bulla_due_list_at(list, 0, &due, error)) == BULLA_OK &&
        (status = bulla_buffer_new(&envelope, error)) == BULLA_OK &&
        (status = bulla_outbox_envelope(outbox, &due.header_digest, envelope, error)) == BULLA_OK) {
        if (fwrite(bulla_buffer_data(envelope), bulla_buffer_length(envelope), 1, stdout) == 1 && fflush(stdout) == 0)
            status = bulla_outbox_mark_sent(outbox, list, 0, now(), error);
        else
            status = BULLA_IO;
    }
    bulla_buffer_free(envelope);
    bulla_due_list_free(list);
    return status;
}

int main(int argc, char **argv)
{
    static uint8_t piece[65536];
    bulla_database *database = NULL;
    bulla_outbox *outbox = NULL;
    bulla_buffer *content = NULL;
    bulla_sent sent;
    bulla_error error;
    size_t length;
    bulla_status status = argc == 2 || argc == 5 ? bulla_buffer_new(&content, &error) : BULLA_INVALID_INPUT;

    while (status == BULLA_OK && argc == 5 && (length = fread(piece, 1, sizeof piece, stdin)) > 0)
        status = bulla_buffer_append(content, piece, length, &error);
    if (status == BULLA_OK && argc == 5 && ferror(stdin)) /* Half a letter, sealed, would be an authentic half. */
        status = BULLA_IO;
    if (status == BULLA_OK && (status = bulla_database_open(argv[1], &database, &error)) == BULLA_OK &&
        (status = bulla_outbox_new(database, NULL, &outbox, &error)) == BULLA_OK &&
        (argc == 2 || (status = put(outbox, argv, content, &sent, &error)) == BULLA_OK))
        status = give(outbox, argc == 5 ? &sent : NULL, &error);
    if (status != BULLA_OK)
        fprintf(stderr, "send: %s: %s\n", bulla_status_name(status), bulla_status_text(status));
    bulla_outbox_free(outbox);
    bulla_database_free(database);
    bulla_buffer_free(content);
    return (int)bulla_status_class(status);
}
