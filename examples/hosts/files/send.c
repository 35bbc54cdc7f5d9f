#define _XOPEN_SOURCE 700
#include "send.h"

#include "bar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
    return (uint64_t)time(NULL);
}

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
        status = bulla_outgoing_commit(outgoing, letter, now(), error);
    bulla_letter_free(letter);
    return status;
}

static bulla_status describe(const struct sender *sender, const char *file, struct item *item, char *note, size_t size,
                             bulla_error *error)
{
    char *path = realpath(file, NULL);
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

    item->taken = 0;
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

/* Takes a line of a note. */
static int line_of(bulla_view *rest, char line[NOTE_LINE])
{
    const uint8_t *end = rest->length > 0 ? memchr(rest->data, '\n', rest->length) : NULL;
    size_t length = end != NULL ? (size_t)(end - rest->data) : rest->length;

    if (length >= NOTE_LINE)
        return 0;
    if (length > 0)
        memcpy(line, rest->data, length);
    line[length] = '\0';
    if (rest->length > 0)
        rest->data += length + (end != NULL);
    rest->length -= length + (end != NULL);
    return end != NULL;
}

int send_read_note(bulla_view note, const bulla_digest *header, struct item *item)
{
    int ours = line_of(&note, item->to) && line_of(&note, item->receipts) && (line_of(&note, item->file), item->file[0] == '/');

    if (!ours || carrier_refuses(item->to) != NULL)
        return 0;
    if (item->receipts[0] == '\0')
        strcpy(item->receipts, item->to);
    item->header = *header;
    name_of(header, item->name);
    return 1;
}

/* An envelope of the outbox, as cargo. */
struct load {
    bulla_outbox_reader *reader;
    struct bar bar;
    uint64_t begun;
};

static int load_seek(void *context, uint64_t place)
{
    struct load *load = context;

    bar_from(&load->bar, place);
    load->begun = place;
    return bulla_outbox_reader_seek(load->reader, place, NULL, NULL) == BULLA_OK;
}

static long load_read(void *context, unsigned char *piece, size_t at_most)
{
    struct load *load = context;
    bulla_buffer *buffer = NULL;
    long got = -1;

    if (bulla_buffer_wrap(piece, at_most, &buffer, NULL) == BULLA_OK) {
        bulla_status status = bulla_outbox_reader_read(load->reader, at_most, buffer, NULL);

        if (status == BULLA_OK || status == BULLA_NOTHING)
            got = (long)bulla_buffer_length(buffer);
    }
    bulla_buffer_free(buffer);
    return got;
}

static void load_progress(void *context, uint64_t place)
{
    struct load *load = context;

    bar_at(&load->bar, place);
}

static const char *base_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash != NULL ? slash + 1 : file;
}

/* Takes it for this process, so that no other one sends it at the same time, and marks it as sent. */
static void mark(struct sender *sender, const struct item *item)
{
    bulla_due_list *taken = NULL;
    bulla_error error;
    bulla_status status = bulla_outbox_taken(sender->outbox, &item->header, &taken, &error);

    for (size_t at = 0; status == BULLA_OK && at < bulla_due_list_count(taken); at++)
        status = bulla_outbox_mark_sent(sender->outbox, taken, at, now(), &error);
    told(status, &error, "the outbox does not know that it was sent, so it will be sent again");
    bulla_due_list_free(taken);
}

/* A receipt may have come since it was listed: then there is nothing to send. */
static int is_settled(const struct sender *sender, const struct item *item)
{
    bulla_due_list *taken = NULL;
    int result = bulla_outbox_taken(sender->outbox, &item->header, &taken, NULL) == BULLA_OK && bulla_due_list_count(taken) == 0;

    bulla_due_list_free(taken);
    return result;
}

enum carried send_upload(struct sender *sender, struct item *item)
{
    struct load load = {NULL, {0}, 0};
    struct cargo cargo = {0, load_seek, load_read, load_progress, &load};
    char name[NAME_LENGTH + 8];
    bulla_due_list *taken = NULL;
    bulla_error error;
    bulla_status status = BULLA_OK;
    enum carried done = CARRIED_FAILED;

    snprintf(name, sizeof name, "%s.bulla", item->name);
    if (!item->taken)
        status = bulla_outbox_take(sender->outbox, &item->header, now(), &taken, &error);
    item->taken = 0;
    if (status == BULLA_OK &&
        (status = bulla_outbox_reader_new(sender->outbox, &item->header, &load.reader, &error)) == BULLA_OK &&
        (status = bulla_outbox_reader_seek(load.reader, 0, &cargo.length, &error)) == BULLA_OK) {
        bar_begin(&load.bar, base_of(item->file), cargo.length, sender->progress);
        done = carrier_upload(sender->carrier, item->to, name, &cargo);
        bar_end(&load.bar);
        if (done == CARRIED && load.begun > 0)
            say("%s: gone on with at byte %llu of %llu", base_of(item->file), (unsigned long long)load.begun,
                (unsigned long long)cargo.length);
        if (done == CARRIED)
            mark(sender, item);
        else
            say("%s: not uploaded: %s", base_of(item->file), carrier_trouble(sender->carrier));
    }
    if (status != BULLA_INVALID_INPUT || load.reader != NULL || !is_settled(sender, item))
        told(status, &error, item->file);
    bulla_outbox_reader_free(load.reader);
    bulla_due_list_free(taken);
    return done;
}

/* What a receipt that was checked says. */
static enum answer answer_of(const struct item *item, const bulla_settled *settled, uint16_t *reason)
{
    const bulla_receipt *receipt = bulla_settled_receipt(settled);
    bulla_outbox_entry entry;
    bulla_view words = {NULL, 0};

    /* A relay may have exchanged two receipts: both are true, but this one is not about this file. */
    if (bulla_settled_entry(settled, &entry, NULL) != BULLA_OK ||
        memcmp(entry.header_digest.bytes, item->header.bytes, sizeof item->header.bytes) != 0)
        return ANSWER_NONE;
    *reason = 0;
    if (bulla_receipt_reason(receipt, reason, &words, NULL) == BULLA_OK)
        say("%s: the recipient says: reason %u %.*s", base_of(item->file), (unsigned)*reason, (int)words.length,
            words.length > 0 ? (const char *)words.data : "");
    if (entry.state == BULLA_OUTBOX_SETTLED)
        return ANSWER_STORED;
    if (entry.state == BULLA_OUTBOX_REJECTED)
        return ANSWER_REJECTED;
    return bulla_receipt_status(receipt) == BULLA_STATUS_DAMAGED ? ANSWER_DAMAGED : ANSWER_NONE;
}

enum answer send_fetch(struct sender *sender, const struct item *item, uint16_t *reason)
{
    static unsigned char data[RECEIPT_MOST];
    char name[NAME_LENGTH + 10];
    size_t length = 0;
    bulla_settled *settled = NULL;
    bulla_error error;
    enum answer answer;

    snprintf(name, sizeof name, "%s.receipt", item->name);
    enum carried done = carrier_fetch(sender->carrier, item->receipts, name, data, sizeof data, &length);
    if (done != CARRIED) {
        if (done == CARRIED_FAILED)
            say("%s: no receipt: %s", base_of(item->file), carrier_trouble(sender->carrier));
        return ANSWER_NONE;
    }
    bulla_status status = bulla_outbox_settle(sender->outbox, sender->me, NULL, data, length, &settled, &error);
    if (status == BULLA_CONTENT_DIFFERS) {
        /* An authentic receipt for something else under this message's id. It stays there, to be looked into. */
        say("%s: ATTENTION: %s", base_of(item->file), error.text);
        return ANSWER_NONE;
    }
    if (status != BULLA_OK) {
        say("%s: what came as its receipt is none: %s", base_of(item->file), error.text);
        if (bulla_status_class(status) == BULLA_CLASS_TRY_AGAIN || bulla_status_class(status) == BULLA_CLASS_USAGE)
            return ANSWER_NONE;
    }
    answer = status == BULLA_OK ? answer_of(item, settled, reason) : ANSWER_NONE;
    bulla_settled_free(settled);
    /* What it says is in the outbox now; or it is nothing, and makes room for the right one. */
    if (carrier_remove(sender->carrier, item->receipts, name) != CARRIED)
        say("%s: the receipt stays there: %s", base_of(item->file), carrier_trouble(sender->carrier));
    return answer;
}
