#include "due.h"

#include "addressees.h"
#include "log.h"
#include "mime.h"
#include "outgoing.h"
#include "receipts.h"
#include "submit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AT_A_TIME 500

/* The host's note is the name under which the mail is remembered. */
static int remembered(const struct host *host, bulla_view note, struct outgoing *outgoing)
{
    char name[OUTGOING_NAME] = "";

    memset(outgoing, 0, sizeof *outgoing);
    if (note.length != OUTGOING_NAME - 1)
        return errno = ENOENT, -1;
    memcpy(name, note.data, note.length);
    name[note.length] = 0;
    return outgoing_read(host, name, outgoing);
}

/* The outer mail once more, with the list of this key alone: that is who it goes to. */
static void mail_write(const struct outgoing *outgoing, const bulla_due *due, const bulla_buffer *envelope, struct text *packed,
                       struct text *mail)
{
    const struct list *list = outgoing_list_of(outgoing, &due->recipient);

    if (list != NULL)
        addressees_pack(packed, (const uint8_t *)list->sealed.data, list->sealed.length);
    text_add(mail, outgoing->header.data, outgoing->header.length);
    text_puts(mail, "Content-Type: ");
    mime_type_write(mail, bulla_buffer_data(envelope), bulla_buffer_length(envelope));
    text_puts(mail, "\n\n");
    mime_body_write(mail, TYPE_ENVELOPE, bulla_buffer_data(envelope), bulla_buffer_length(envelope), packed, "\n");
    mail->failed |= list == NULL;
}

/* A receipt may have come since it was listed: then there is nothing to send. */
static int is_settled(const struct host *host, const bulla_due *due)
{
    bulla_due_list *taken = NULL;
    int result = bulla_outbox_taken(host->outbox, &due->header_digest, &taken, NULL) == BULLA_OK && bulla_due_list_count(taken) == 0;

    bulla_due_list_free(taken);
    return result;
}

static int send_again(const struct host *host, const bulla_due *due)
{
    struct outgoing outgoing;
    struct text mail = {0}, recipients = {0}, packed = {0};
    bulla_buffer *envelope = NULL;
    bulla_error error;
    int result = -1;

    if (remembered(host, due->note, &outgoing) != 0) {
        log_error("a mail that is due cannot be sent again: its file in outgoing: %s", strerror(errno));
        return -1;
    }
    if (bulla_buffer_new(&envelope, &error) != BULLA_OK ||
        bulla_outbox_envelope(host->outbox, &due->header_digest, envelope, &error) != BULLA_OK) {
        if (error.code == BULLA_INVALID_INPUT && is_settled(host, due))
            result = 0;
        else
            log_error("a mail that is due cannot be sent again: %s", error.text);
    } else {
        outgoing_recipients(&outgoing, &due->recipient, &recipients);
        mail_write(&outgoing, due, envelope, &packed, &mail);
        ours_remember(host, bulla_buffer_data(envelope), bulla_buffer_length(envelope), &packed);
        if (outgoing_list_of(&outgoing, &due->recipient) == NULL)
            log_error("a mail that is due cannot be sent again: its file in outgoing has no list of its addressees");
        else if (!recipients.failed && (result = submit(host->config, outgoing.from, recipients.data, &mail)) == 0)
            log_info("sent to %s for the %u. time: no receipt yet", recipients.data, due->attempts);
    }
    bulla_buffer_free(envelope);
    text_free(&mail);
    text_free(&packed);
    text_free(&recipients);
    outgoing_free(&outgoing);
    return result;
}

static int due_send(const struct host *host, uint64_t now)
{
    bulla_due_list *list = NULL;
    bulla_error error;
    int result = 0;

    if (bulla_outbox_due(host->outbox, now, AT_A_TIME, &list, &error) != BULLA_OK)
        return log_error("%s", error.text), -1;
    for (size_t i = 0; i < bulla_due_list_count(list); i++) {
        bulla_due due;

        /* What is refused for good was tried, and is tried less and less often until its time is over. */
        if (bulla_due_list_at(list, i, &due, &error) != BULLA_OK || send_again(host, &due) < 0)
            result = -1; /* it is due again in ten minutes */
        else if (bulla_outbox_mark_sent(host->outbox, list, i, now, &error) != BULLA_OK)
            result = (log_error("%s", error.text), -1);
    }
    bulla_due_list_free(list);
    return result;
}

/* A report of failure (RFC 3464) to the author. */
static int notice_send(const struct host *host, const bulla_outbox_entry *entry, const struct outgoing *outgoing, const char *recipients)
{
    const struct config *config = host->config;
    int rejected = entry->state == BULLA_OUTBOX_REJECTED, result;
    struct text mail = {0};
    char date[64];
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &parts);
    text_format(&mail, "From: Mail Delivery System <%s>\nTo: <%s>\nDate: %s\nSubject: %s\n", config->address, outgoing->from, date,
                rejected ? "Your message was not accepted" : "No receipt for your message");
    text_puts(&mail, "Auto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;"
                     " boundary=\"=_bulla_report\"\n\n--=_bulla_report\nContent-Type: text/plain; charset=utf-8\n\n");
    text_format(&mail, "Your message was sealed and sent %u time(s) to\n\n    %s\n\n%s\n", entry->attempts, recipients,
                rejected ? "The recipient's side signed that it does not accept it:"
                         : "No receipt has come in time: it is not known whether it was delivered to all of them.");
    if (rejected)
        text_format(&mail, "\n    %.*s\n", (int)entry->told.length, entry->told.length > 0 ? (const char *)entry->told.data : "");
    text_format(&mail, "\nIt was this one:\n\n%s\n--=_bulla_report\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; %s\n",
                outgoing->header.data == NULL ? "" : outgoing->header.data, config->domain);
    for (size_t i = 0; i < outgoing->count; i++)
        if (memcmp(&outgoing->addressees[i].key, &entry->recipient, sizeof entry->recipient) == 0)
            text_format(&mail, "\nFinal-Recipient: rfc822; %s\nAction: failed\nStatus: %s\n", outgoing->addressees[i].address,
                        rejected ? "5.7.1" : "4.4.7");
    text_puts(&mail, "\n--=_bulla_report--\n");
    result = submit(config, "", outgoing->from, &mail);
    text_free(&mail);
    return result;
}

/* Tells the author of a failure, once: a file remembers that he was told. It is written when the mail server has the notice: whoever
 * is killed in between tells him once more, and not never. */
static int tell(const struct host *host, const bulla_outbox_entry *entry)
{
    struct text name = {0}, path = {0}, recipients = {0};
    struct outgoing outgoing;
    int result = 0, told;

    hex_write(&name, entry->message_id.bytes, sizeof entry->message_id.bytes);
    text_puts(&name, ".");
    hex_write(&name, entry->recipient.bytes, sizeof entry->recipient.bytes);
    host_path(host, &path, "told", name.failed ? "" : name.data);
    errno = ENOMEM;
    told = name.failed || path.failed ? -1 : access(path.data, F_OK) == 0 ? 1 : errno == ENOENT ? 0 : -1;
    if (told < 0) {
        log_error("whether an author was told of a failure cannot be seen: %s", strerror(errno));
        result = -1;
    } else if (told == 0) {
        if (remembered(host, entry->note, &outgoing) == 0) {
            outgoing_recipients(&outgoing, &entry->recipient, &recipients);
            result = *outgoing.from == 0 ? 0 : notice_send(host, entry, &outgoing, recipients.data);
            if (result > 0)
                log_error("<%s> is to be told that a message failed, and that is refused for good", outgoing.from);
            else if (result == 0)
                log_info("<%s> was told that %s %s", outgoing.from, recipients.data,
                         entry->state == BULLA_OUTBOX_REJECTED ? "did not accept a message" : "gave no receipt");
            outgoing_free(&outgoing);
        } else {
            result = errno == ENOENT || errno == EINVAL ? 0 : -1;
            log_error("message %s failed, and its author is not known%s", name.data, result == 0 ? " any more" : " now");
        }
        if (result >= 0)
            result = file_write(path.data, "", 0);
    }
    text_free(&name);
    text_free(&path);
    text_free(&recipients);
    return result;
}

static int failures_tell(const struct host *host, uint64_t now)
{
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;
    bulla_error error;
    int result = 0;

    if (bulla_outbox_give_up(host->outbox, now, &list, &error) != BULLA_OK)
        return log_error("%s", error.text), -1;
    bulla_entry_list_free(list);
    list = NULL;
    /* Not the list of what was given up just now: who was killed after that would tell nobody. */
    if (bulla_outbox_list(host->outbox, BULLA_FILTER_FAILED, SIZE_MAX, &list, &error) != BULLA_OK)
        return log_error("%s", error.text), -1;
    for (size_t i = 0; i < bulla_entry_list_count(list); i++)
        if (bulla_entry_list_at(list, i, &entry, &error) != BULLA_OK || tell(host, &entry) != 0)
            result = -1;
    bulla_entry_list_free(list);
    return result;
}

/* Files that nobody needs any more: nothing in the outbox is so old. */
static void files_forget(const struct host *host, const char *folder, uint64_t before)
{
    struct text path = {0};
    DIR *open = opendir(host_path(host, &path, folder, ""));
    struct dirent *entry;
    struct stat seen;

    while (open != NULL && (entry = readdir(open)) != NULL)
        if (entry->d_name[0] != '.' && stat(host_path(host, &path, folder, entry->d_name), &seen) == 0 &&
            (uint64_t)seen.st_mtime < before)
            unlink(path.data);
    if (open != NULL)
        closedir(open);
    text_free(&path);
}

static void old_forget(const struct host *host, uint64_t now)
{
    const struct config *config = host->config;
    uint64_t longest = config->deadline > config->expires ? config->deadline : config->expires;
    bulla_error error;

    if (now < config->keep + longest)
        return;
    if (bulla_outbox_forget(host->outbox, now - config->keep, NULL, &error) != BULLA_OK ||
        bulla_outbox_clean(host->outbox, &error) != BULLA_OK)
        log_error("%s", error.text);
    files_forget(host, "ours", now - config->keep - longest);
    files_forget(host, "outgoing", now - config->keep - longest);
    files_forget(host, "told", now - config->keep - longest);
    files_forget(host, "marks", now - config->keep - longest);
    files_forget(host, "handed", now - config->keep - longest);
}

/* Two at once would send the same again, and tell authors twice. Cron begins one while the mail server is slow with another. The lock
 * goes with its process, however that ends: the commands that it starts do not have it. A descriptor; or -1 and errno. */
static int turn_take(const struct host *host)
{
    struct text path = {0};
    int file = -1, why;

    host_path(host, &path, "due.lock", "");
    errno = ENOMEM;
    if (!path.failed)
        file = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    why = errno;
    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) != 0) {
        why = errno;
        close(file);
        file = -1;
    }
    text_free(&path);
    errno = why;
    return file;
}

static int due_do(const struct host *host)
{
    uint64_t now = (uint64_t)time(NULL);
    int result = 0;

    if (now > host->config->keep)
        receipts_forget(host, now - host->config->keep);
    if (receipts_send(host, NULL) != 0)
        result = -1;
    if (failures_tell(host, now) != 0)
        result = -1;
    if (due_send(host, now) != 0)
        result = -1;
    old_forget(host, now);
    return result;
}

int due_run(const struct host *host)
{
    int turn, result;

    if (host->config->submit == NULL)
        return log_error("set submit and address: nothing can be sent"), -1;
    if ((turn = turn_take(host)) < 0 && errno == EWOULDBLOCK)
        return log_info("another --due is still at work: it does what there is to do"), 0;
    if (turn < 0)
        return log_error("%s/due.lock: %s", host->config->state, strerror(errno)), -1;
    result = due_do(host);
    close(turn);
    return result;
}
