#define _XOPEN_SOURCE 700
#include "send.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bulla_status failed(bulla_error *error, bulla_status code, const char *why)
{
    memset(error, 0, sizeof *error);
    error->code = code;
    snprintf(error->text, sizeof error->text, "%s", why);
    return code;
}

static bulla_status drain(bulla_buffer *buffer, bulla_outgoing *outgoing, bulla_error *error)
{
    bulla_status status = bulla_outgoing_write(outgoing, bulla_buffer_data(buffer), bulla_buffer_length(buffer), error);

    bulla_buffer_clear(buffer);
    return status;
}

static bulla_status seal_from(int file, uint64_t length, const bulla_sealer *sealer, const bulla_draft *draft,
                              bulla_outgoing *outgoing, bulla_sent *sent, bulla_error *error)
{
    static unsigned char piece[65536];
    bulla_seal_stream *stream = NULL;
    bulla_buffer *buffer = NULL;
    ssize_t got = 1;
    bulla_status status = bulla_buffer_new(&buffer, error);

    if (status == BULLA_OK)
        status = bulla_seal_stream_new(sealer, draft, length, buffer, &stream, error);
    while (status == BULLA_OK && (got = read(file, piece, sizeof piece)) > 0) {
        status = bulla_seal_stream_update(stream, piece, (size_t)got, buffer, error);
        if (status == BULLA_OK)
            status = drain(buffer, outgoing, error);
    }
    if (got < 0)
        status = failed(error, BULLA_IO, strerror(errno));
    /* The padding of a long file is long, too: piece by piece, like the file. */
    while (status == BULLA_OK && (status = bulla_seal_stream_pad(stream, buffer, error)) == BULLA_OK)
        status = drain(buffer, outgoing, error);
    if (status == BULLA_NOTHING)
        status = BULLA_OK;
    if (status == BULLA_OK && (status = bulla_seal_stream_finish(stream, buffer, sent, error)) == BULLA_OK)
        status = drain(buffer, outgoing, error);
    bulla_seal_stream_free(stream);
    bulla_buffer_free(buffer);
    return status;
}

static bulla_status make_draft(const struct sender *sender, const char *file, bulla_draft **draft, bulla_error *error)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;
    bulla_status status;

    if ((status = bulla_draft_new(sender->context, draft, error)) == BULLA_OK &&
        (status = bulla_draft_attribute(*draft, "name", (const uint8_t *)name, strlen(name), error)) == BULLA_OK &&
        /* What the sender has given up by then must not be stored later. */
        (status = bulla_draft_expires_in(*draft, sender->deadline, error)) == BULLA_OK)
        status = bulla_draft_ask_receipts(*draft, BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED, sender->my_public, error);
    return status;
}

static bulla_status record(struct sender *sender, const bulla_sent *sent, bulla_outgoing *outgoing, const char *note,
                           bulla_error *error)
{
    uint64_t deadline = sent->issued + sender->deadline;
    bulla_key recipient;
    bulla_letter *letter = NULL;
    bulla_status status;

    if ((status = bulla_public_key(sender->recipient, &recipient, error)) == BULLA_OK &&
        (status = bulla_letter_new(sent, sender->context, &recipient, 1, deadline, &letter, error)) == BULLA_OK &&
        (status = bulla_letter_note(letter, note, error)) == BULLA_OK)
        status = bulla_outgoing_commit(outgoing, letter, (uint64_t)time(NULL), error);
    bulla_letter_free(letter);
    return status;
}

/* The path from the root on. A link keeps its own name: that is the one that was chosen. */
static char *full_path(const char *file)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;
    char *path = malloc(2 * PATH_MAX);

    size_t length = (size_t)snprintf(folder, sizeof folder, "%.*s/.", slash != NULL ? (int)(slash - file) : 1, slash != NULL ? file : ".");

    if (path == NULL || length >= sizeof folder || strlen(name) >= PATH_MAX || realpath(folder, path) == NULL) {
        free(path);
        return NULL;
    }
    return strcat(strcat(path, strcmp(path, "/") == 0 ? "" : "/"), name);
}

static bulla_status describe(const struct sender *sender, const char *file, struct item *item, char *note, size_t size,
                             bulla_error *error)
{
    char *path = full_path(file);
    int fits;

    if (path == NULL)
        return failed(error, BULLA_IO, strerror(errno));
    fits = strlen(sender->to) < sizeof item->to && strlen(sender->receipts) < sizeof item->receipts &&
           strlen(path) < sizeof item->file && strchr(path, '\n') == NULL;
    if (fits) {
        strcpy(item->to, sender->to);
        strcpy(item->receipts, sender->receipts);
        strcpy(item->file, path);
        fits = (size_t)snprintf(note, size, "%s\n%s\n%s", item->to, strcmp(item->to, item->receipts) == 0 ? "" : item->receipts,
                                path) < size;
    }
    free(path);
    return fits ? BULLA_OK : failed(error, BULLA_INVALID_INPUT, "the URL or the path is too long, or has a line end in it");
}

bulla_status send_seal(struct sender *sender, const char *file, struct item *item, bulla_error *error)
{
    char note[1025];
    struct stat found;
    bulla_sealer *sealer = NULL;
    bulla_draft *draft = NULL;
    bulla_outgoing *outgoing = NULL;
    bulla_sent sent;
    bulla_status status = describe(sender, file, item, note, sizeof note, error);

    item->attempts = 0;
    item->told = BULLA_OK;
    if (status != BULLA_OK)
        return status;
    int from = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe without a writer would keep it waiting */
    if (from < 0 || fstat(from, &found) != 0)
        status = failed(error, BULLA_IO, strerror(errno));
    else if (!S_ISREG(found.st_mode))
        status = failed(error, BULLA_INVALID_INPUT, "this is not a file");
    else if ((status = bulla_sealer_new(sender->me, &sealer, error)) == BULLA_OK &&
             (status = bulla_sealer_to(sealer, sender->recipient, error)) == BULLA_OK &&
             (status = make_draft(sender, item->file, &draft, error)) == BULLA_OK &&
             (status = bulla_outbox_begin(sender->outbox, &outgoing, error)) == BULLA_OK &&
             (status = seal_from(from, (uint64_t)found.st_size, sealer, draft, outgoing, &sent, error)) == BULLA_OK &&
             (status = record(sender, &sent, outgoing, note, error)) == BULLA_OK) {
        item->message_id = sent.message_id;
        item->header = sent.header_digest;
        name_of(&item->header, item->name);
    }
    if (from >= 0)
        close(from);
    bulla_outgoing_free(outgoing);
    bulla_draft_free(draft);
    bulla_sealer_free(sealer);
    return status;
}
