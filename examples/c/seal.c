/*
 * Seals standard input to one recipient:   seal KEYFILE RECIPIENT CONTEXT < content > envelope
 *
 * KEYFILE is the sender's (`bulla keygen`), RECIPIENT an identity line ("bulla1..."), CONTEXT the name of the application.
 */
#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>

/* All of standard input; NULL if it cannot be read. */
static uint8_t *read_all(size_t *length)
{
    size_t capacity = 0, got;
    uint8_t *bytes = NULL;

    *length = 0;
    do {
        uint8_t *more;

        capacity += 65536;
        more = realloc(bytes, capacity);
        if (more == NULL) {
            free(bytes);
            return NULL;
        }
        bytes = more;
        got = fread(bytes + *length, 1, capacity - *length, stdin);
        *length += got;
    } while (*length == capacity);
    if (ferror(stdin)) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

int main(int argc, char **argv)
{
    bulla_error error;
    bulla_identity *sender = NULL;
    bulla_public *recipient = NULL;
    bulla_sealer *sealer = NULL;
    bulla_draft *draft = NULL;
    bulla_buffer *envelope = NULL;
    uint8_t *content;
    size_t length;
    int result = EXIT_FAILURE;

    if (argc != 4) {
        fprintf(stderr, "usage: seal KEYFILE RECIPIENT CONTEXT < content > envelope\n");
        return EXIT_FAILURE;
    }
    content = read_all(&length);
    if (content == NULL) {
        fprintf(stderr, "seal: standard input cannot be read\n");
        return EXIT_FAILURE;
    }

    /* One failure ends it, whichever it is: `error` says what is wrong and what to do. */
    if (bulla_identity_load(argv[1], getenv("BULLA_PASSPHRASE"), &sender, &error) != BULLA_OK ||
        bulla_public_parse(argv[2], &recipient, &error) != BULLA_OK ||
        bulla_sealer_new(sender, &sealer, &error) != BULLA_OK ||
        bulla_sealer_to(sealer, recipient, &error) != BULLA_OK ||
        bulla_draft_new(argv[3], &draft, &error) != BULLA_OK ||
        bulla_draft_expires_in(draft, 3 * 24 * 60 * 60, &error) != BULLA_OK ||
        bulla_buffer_new(&envelope, &error) != BULLA_OK ||
        bulla_seal(sealer, draft, content, length, envelope, NULL, &error) != BULLA_OK) {
        fprintf(stderr, "seal: %s\n", error.text);
    } else {
        size_t size = bulla_buffer_length(envelope);

        if (fwrite(bulla_buffer_data(envelope), 1, size, stdout) == size && fflush(stdout) == 0)
            result = EXIT_SUCCESS;
        else
            fprintf(stderr, "seal: the envelope cannot be written\n");
    }

    /* In any order, and what was never made is NULL, which is nothing. */
    bulla_buffer_free(envelope);
    bulla_draft_free(draft);
    bulla_sealer_free(sealer);
    bulla_public_free(recipient);
    bulla_identity_free(sender);
    free(content);
    return result;
}
