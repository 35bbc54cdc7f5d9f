/*
 * Opens an envelope:   open KEYFILE SENDER CONTEXT ENVELOPE > content
 *
 * KEYFILE is the reader's, SENDER the identity line of the only sender accepted, CONTEXT the name of the application.
 * Exit status: 0 opened; 2 not acceptable; 3 authentic, but refused; 4 try again later; 1 anything else.
 */
#include <bulla.h>
#include <stdio.h>
#include <stdlib.h>

/* All of a file; NULL if it cannot be read. */
static uint8_t *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size;

    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
        *length = (size_t)size;
        bytes = malloc(*length + 1);
        if (bytes != NULL && fread(bytes, 1, *length, file) != *length) {
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    bulla_error error;
    bulla_identity *reader = NULL;
    bulla_public *sender = NULL;
    bulla_key key;
    bulla_policy *policy = NULL;
    bulla_guard *guard = NULL;
    bulla_opener *opener = NULL;
    bulla_buffer *content = NULL;
    bulla_message *message = NULL;
    bulla_status status;
    uint8_t *envelope;
    size_t length;
    int result = EXIT_FAILURE;

    if (argc != 5) {
        fprintf(stderr, "usage: open KEYFILE SENDER CONTEXT ENVELOPE > content\n");
        return EXIT_FAILURE;
    }
    envelope = read_file(argv[4], &length);
    if (envelope == NULL) {
        fprintf(stderr, "open: %s cannot be read\n", argv[4]);
        return EXIT_FAILURE;
    }

    /* A program that goes on keeps reader, policy, guard and opener, and opens every envelope with them. A guard in memory is
     * as good as the process is long-lived: this one forgets at once that the envelope was opened. */
    if ((status = bulla_identity_load(argv[1], getenv("BULLA_PASSPHRASE"), &reader, &error)) == BULLA_OK &&
        (status = bulla_public_parse(argv[2], &sender, &error)) == BULLA_OK &&
        (status = bulla_public_key(sender, &key, &error)) == BULLA_OK &&
        (status = bulla_policy_new(argv[3], &policy, &error)) == BULLA_OK &&
        (status = bulla_policy_allow(policy, &key, &error)) == BULLA_OK &&
        (status = bulla_guard_in_memory(NULL, &guard, &error)) == BULLA_OK &&
        (status = bulla_opener_new(reader, policy, guard, &opener, &error)) == BULLA_OK &&
        (status = bulla_buffer_new(&content, &error)) == BULLA_OK &&
        (status = bulla_open(opener, envelope, length, content, &message, &error)) == BULLA_OK) {
        size_t size = bulla_buffer_length(content);

        if ((size == 0 || fwrite(bulla_buffer_data(content), 1, size, stdout) == size) && fflush(stdout) == 0)
            result = EXIT_SUCCESS;
        else
            fprintf(stderr, "open: the content cannot be written\n");
    } else {
        fprintf(stderr, "open: %s: %s\n", bulla_status_name(status), error.text);
        result = status >= 70 ? 4 : status >= 40 ? 3 : status >= 20 ? 2 : EXIT_FAILURE;
    }

    bulla_message_free(message);
    bulla_buffer_free(content);
    bulla_opener_free(opener);
    bulla_guard_free(guard);
    bulla_policy_free(policy);
    bulla_public_free(sender);
    bulla_identity_free(reader);
    free(envelope);
    return result;
}
