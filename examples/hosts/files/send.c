#define _GNU_SOURCE
#include "send.h"

#include "bar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* As of this time an upload that failed is marked as sent, so that it is due at once, and until when that can be seen. */
enum { FAILED_AT = 0, FAILED_UNTIL = 7 * 86400 };

static uint64_t now(void)
{
    return (uint64_t)time(NULL);
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

int send_read(const bulla_outbox_entry *entry, struct item *item)
{
    bulla_view note = entry->note;

    memset(item, 0, sizeof *item);
    item->message_id = entry->message_id;
    item->header = entry->header_digest;
    item->attempts = entry->attempts;
    item->next_due = entry->next_due;
    item->failed = entry->attempts > 0 && entry->next_due < FAILED_UNTIL;
    item->given_up = entry->state == BULLA_OUTBOX_GIVEN_UP;
    name_of(&item->header, item->name);
    if (!line_of(&note, item->to) || !line_of(&note, item->receipts) || (line_of(&note, item->file), item->file[0] != '/') ||
        strstr(item->to, "://") == NULL)
        return 0;
    if (item->receipts[0] == '\0')
        strcpy(item->receipts, item->to);
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

/* Whoever makes it, it is his who has the outbox: else what root did once would stop him. A link could lead to another's file. */
static int open_claims(const char *outbox, const char *name)
{
    struct stat owner;
    int file = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (file < 0 && errno == EEXIST)
        return open(name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (file >= 0 && stat(outbox, &owner) == 0 && fchown(file, owner.st_uid, owner.st_gid) == 0)
        fchmod(file, owner.st_mode & 0660);
    return file;
}

int send_claims(const char *outbox)
{
    char name[4096];

    if ((size_t)snprintf(name, sizeof name, "%s-sending", outbox) >= sizeof name)
        return -1;
    return open_claims(outbox, name);
}

/* Each envelope is a place in the file beside the outbox. Who locks it sends; that who was killed locks nothing, the system sees to.
 * NOT_SENT if that is not possible, BY_ANOTHER if another process sends it now. */
static enum sending claim(const struct sender *sender, const struct item *item, short how)
{
    struct flock lock = {.l_type = how, .l_whence = SEEK_SET, .l_len = 1};

    for (size_t at = 0; at < 7; at++)
        lock.l_start = lock.l_start << 8 | item->header.bytes[at];
    if (fcntl(sender->claims, F_OFD_SETLK, &lock) == 0)
        return SENT;
    if (errno == EAGAIN || errno == EACCES)
        return BY_ANOTHER;
    say("%s: it cannot be locked beside the outbox: %s", base_of(item->file), strerror(errno));
    return NOT_SENT;
}

/* What the outbox says of it now, which other processes use, too. */
static bulla_status find(const struct sender *sender, const struct item *item, bulla_entry_list **list, bulla_outbox_entry *entry,
                         bulla_error *error)
{
    bulla_status status = bulla_outbox_of_message(sender->outbox, &item->message_id, list, error);

    for (size_t at = 0; status == BULLA_OK && at < bulla_entry_list_count(*list); at++)
        if (bulla_entry_list_at(*list, at, entry, NULL) == BULLA_OK &&
            memcmp(&entry->header_digest, &item->header, sizeof item->header) == 0)
            return BULLA_OK;
    return status == BULLA_OK ? BULLA_NOTHING : status;
}

static void know(const struct sender *sender, struct item *item)
{
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;

    if (find(sender, item, &list, &entry, NULL) == BULLA_OK) {
        item->attempts = entry.attempts;
        item->next_due = entry.next_due;
        item->failed = entry.attempts > 0 && entry.next_due < FAILED_UNTIL;
    }
    bulla_entry_list_free(list);
}

/* Why it was rejected; 0 if that is not known. */
static uint16_t reason_of(const bulla_outbox_entry *entry)
{
    bulla_receipt_proof *proof = NULL;
    bulla_view words;
    uint16_t reason = 0;

    if (bulla_receipt_proof_check(entry->proof.data, entry->proof.length, &proof, NULL) != BULLA_OK ||
        bulla_receipt_proof_reason(proof, &reason, &words, NULL) != BULLA_OK)
        reason = 0;
    bulla_receipt_proof_free(proof);
    return reason;
}

enum answer send_state(const struct sender *sender, const struct item *item, uint16_t *reason)
{
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;
    bulla_error error;
    enum answer answer = ANSWER_NONE;
    bulla_status status = find(sender, item, &list, &entry, &error);

    if (status == BULLA_NOTHING)
        answer = ANSWER_LATE; /* it was forgotten meanwhile */
    else if (status == BULLA_OK && entry.state == BULLA_OUTBOX_SETTLED)
        answer = ANSWER_STORED;
    else if (status == BULLA_OK && entry.state == BULLA_OUTBOX_REJECTED)
        answer = ANSWER_REJECTED, *reason = reason_of(&entry);
    else if (status == BULLA_OK && (entry.state == BULLA_OUTBOX_GIVEN_UP || entry.deadline <= now()))
        answer = ANSWER_LATE;
    bulla_entry_list_free(list);
    return answer;
}

/* Whether it is to be sent by this process: not if another one has sent it since this one looked. */
static enum sending may_send(const struct sender *sender, const struct item *item)
{
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;
    bulla_error error;
    enum sending result = SENT;
    bulla_status status = find(sender, item, &list, &entry, &error);

    if (status == BULLA_NOTHING || (status == BULLA_OK && (entry.state != BULLA_OUTBOX_WAITING || entry.deadline <= now()))) {
        result = NOT_AWAITED;
    } else if (status != BULLA_OK) {
        told(status, &error, "the outbox");
        result = NOT_SENT;
    } else if (entry.attempts != item->attempts || (entry.attempts > 0 && entry.next_due != item->next_due)) {
        result = BY_ANOTHER;
    }
    bulla_entry_list_free(list);
    return result;
}

/* The outbox holds what was taken back for ten minutes, and what was sent for longer: what failed is due again from now on. */
static void mark(const struct sender *sender, const bulla_due_list *taken, enum sending result)
{
    bulla_error error;
    bulla_status status = BULLA_OK;

    for (size_t at = 0; status == BULLA_OK && at < bulla_due_list_count(taken); at++)
        status = bulla_outbox_mark_sent(sender->outbox, taken, at, result == SENT ? now() : FAILED_AT, &error);
    told(status, &error, result == SENT ? "the outbox does not know that it was sent, so it will be sent again"
                                        : "the outbox does not know that it was not sent, so that waits for ten minutes");
}

static enum sending upload(struct sender *sender, struct item *item, struct load *load)
{
    struct cargo cargo = {0, load_seek, load_read, load_progress, load};
    char name[NAME_LENGTH + 8];
    bulla_error error;
    bulla_status status = bulla_outbox_reader_new(sender->outbox, &item->header, &load->reader, &error);

    if (status == BULLA_OK)
        status = bulla_outbox_reader_seek(load->reader, 0, &cargo.length, &error);
    if (told(status, &error, item->file) != BULLA_OK)
        return NOT_SENT;
    snprintf(name, sizeof name, "%s.bulla", item->name);
    bar_begin(&load->bar, base_of(item->file), cargo.length, sender->progress);
    enum carried done = carrier_upload(sender->carrier, item->to, name, &cargo);
    bar_end(&load->bar);
    if (done != CARRIED) {
        if (done == CARRIED_FAILED)
            say("%s: not uploaded: %s", base_of(item->file), carrier_trouble(sender->carrier));
        return NOT_SENT;
    }
    if (load->begun > 0)
        say("%s: gone on with at byte %llu of %llu", base_of(item->file), (unsigned long long)load->begun,
            (unsigned long long)cargo.length);
    return SENT;
}

enum sending send_upload(struct sender *sender, struct item *item)
{
    struct load load = {NULL, {0}, 0};
    bulla_due_list *taken = NULL;
    bulla_due due;
    bulla_error error;

    if (carrier_is_away(sender->carrier, item->to))
        return NOT_SENT;
    enum sending result = claim(sender, item, F_WRLCK);
    if (result == BY_ANOTHER)
        item->attempts = 0; /* so that this one notices later that the other has sent it */
    if (result != SENT)
        return result;
    if ((result = may_send(sender, item)) == SENT) {
        if (told(bulla_outbox_take(sender->outbox, &item->header, now(), &taken, &error), &error, "the outbox") != BULLA_OK)
            result = NOT_SENT;
        else if (bulla_due_list_at(taken, 0, &due, NULL) != BULLA_OK)
            result = NOT_AWAITED; /* a receipt has come since */
        else
            mark(sender, taken, result = upload(sender, item, &load));
    }
    know(sender, item);
    claim(sender, item, F_UNLCK);
    bulla_outbox_reader_free(load.reader);
    bulla_due_list_free(taken);
    return result;
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

/* Whether it may be the right receipt, which this process cannot use: of another key, at another time, for another outbox. */
static int may_be_one(bulla_status status)
{
    return bulla_status_class(status) != BULLA_CLASS_NOT_ACCEPTABLE || status == BULLA_NOT_FOR_ME;
}

/* Says so once: it is looked at again and again. */
static void complain(struct item *item, bulla_status status, const bulla_error *error)
{
    if (item->told == status)
        return;
    item->told = status;
    if (status == BULLA_CONTENT_DIFFERS)
        say("%s: ATTENTION: %s", base_of(item->file), error->text);
    else if (status == BULLA_NOT_FOR_ME)
        say("%s: its receipt is for another key: name that with which it was sealed; the receipt stays there", base_of(item->file));
    else
        say("%s: what came as its receipt is none: %s", base_of(item->file), error->text);
}

enum answer send_fetch(struct sender *sender, struct item *item, uint16_t *reason)
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
        /* What was given up is no news. */
        if (done == CARRIED_FAILED && !item->given_up)
            say("%s: no receipt: %s", base_of(item->file), carrier_trouble(sender->carrier));
        return ANSWER_NONE;
    }
    bulla_status status = bulla_outbox_settle(sender->outbox, sender->me, NULL, data, length, &settled, &error);
    if (status != BULLA_OK) {
        complain(item, status, &error);
        if (may_be_one(status))
            return ANSWER_NONE;
    }
    answer = status == BULLA_OK ? answer_of(item, settled, reason) : ANSWER_NONE;
    bulla_settled_free(settled);
    know(sender, item); /* damage makes it due at once */
    /* What it says is in the outbox now; or it is nothing, and makes room for the right one. */
    if (carrier_remove(sender->carrier, item->receipts, name) != CARRIED)
        say("%s: the receipt stays there: %s", base_of(item->file), carrier_trouble(sender->carrier));
    return answer;
}
