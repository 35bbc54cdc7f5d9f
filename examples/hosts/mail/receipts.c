#include "receipts.h"

#include "log.h"
#include "outgoing.h"
#include "submit.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int receipt_keep(const struct host *host, const char *id, const char *to, bulla_view receipt, uint32_t outcome)
{
    struct text file = {0}, path = {0}, name = {0};
    bulla_digest digest;
    int result = -1;

    if (receipt.length == 0 || *to == 0 || host->config->submit == NULL)
        return 0; /* not asked for, nowhere to send it, or nobody to send it */
    if (!address_is_plain(to)) {
        log_error("a receipt is asked for to \"%s\", which is no address", to);
        return 0;
    }
    text_format(&file, "%s\n", to);
    receipt_mail_write(&file, host->config, to, receipt.data, receipt.length, outcome == BULLA_OUTCOME_REJECTED);
    /* The same receipt has the same name: it waits there once. */
    ours_remember(host, receipt.data, receipt.length, NULL);
    if (bulla_digest_of(receipt.data, receipt.length, &digest, NULL) == BULLA_OK) {
        text_format(&name, "%s.", id);
        hex_write(&name, digest.bytes, 8);
        if (!file.failed && !name.failed)
            result = file_write(host_path(host, &path, "receipts", name.data), file.data, file.length);
    }
    if (result != 0)
        log_error("%s/receipts cannot be written: %s", host->config->state, strerror(errno));
    text_free(&file);
    text_free(&path);
    text_free(&name);
    return result;
}

static int receipt_send(const struct host *host, const char *name)
{
    struct text file = {0}, path = {0}, mail = {0};
    int result = -1;
    char *end;

    if (file_read(host_path(host, &path, "receipts", name), &file, 1 << 20) != 0) {
        result = errno == ENOENT ? 0 : -1; /* somebody else has sent it */
    } else if ((end = strchr(file.data, '\n')) != NULL) {
        *end = 0;
        text_puts(&mail, end + 1);
        /* No sender, as for a bounce: nothing ever answers a receipt. */
        result = submit(host->config, "", file.data, &mail);
        if (result == 0) {
            log_info("receipt sent to %s", file.data);
            unlink(path.data);
        }
    }
    text_free(&file);
    text_free(&path);
    text_free(&mail);
    return result;
}

int receipts_send(const struct host *host, const char *id)
{
    struct text path = {0};
    DIR *folder = opendir(host_path(host, &path, "receipts", ""));
    struct dirent *entry;
    int result = folder == NULL ? -1 : 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        size_t length = id == NULL ? 0 : strlen(id);
        int sent;

        if (entry->d_name[0] == '.' || strstr(entry->d_name, ".new") != NULL ||
            (id != NULL && (strncmp(entry->d_name, id, length) != 0 || entry->d_name[length] != '.')))
            continue;
        sent = receipt_send(host, entry->d_name);
        if (sent < 0 || (sent > 0 && id == NULL))
            result = -1;
        /* Who asks with an id has somebody waiting: while the mail server does not answer, the rest is left to --due. */
        if (sent < 0 && id != NULL)
            break;
    }
    if (folder != NULL)
        closedir(folder);
    text_free(&path);
    return result;
}

void receipts_forget(const struct host *host, uint64_t before)
{
    struct text path = {0}, file = {0};
    DIR *folder = opendir(host_path(host, &path, "receipts", ""));
    struct dirent *entry;
    struct stat seen;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.' || stat(host_path(host, &path, "receipts", entry->d_name), &seen) != 0 ||
            (uint64_t)seen.st_mtime >= before)
            continue;
        text_clear(&file);
        if (file_read(path.data, &file, 1 << 20) == 0)
            log_error("a receipt to %.*s is given up: it could not be sent all the time", (int)strcspn(file.data, "\n"), file.data);
        unlink(path.data);
    }
    if (folder != NULL)
        closedir(folder);
    text_free(&path);
    text_free(&file);
}

static const char *state_name(uint32_t state)
{
    static const char *const names[] = {"?", "waiting", "settled", "REJECTED", "given up"};

    return state < sizeof names / sizeof *names ? names[state] : names[0];
}

void receipt_take(const struct host *host, const struct text *receipt, struct outcome *outcome)
{
    bulla_settled *settled = NULL;
    bulla_outbox_entry entry;
    bulla_error error = {0};
    bulla_status status = bulla_outbox_settle(host->outbox, host->identity, NULL, (const uint8_t *)receipt->data, receipt->length,
                                              &settled, &error);

    if (status == BULLA_OK && (status = bulla_settled_entry(settled, &entry, &error)) == BULLA_OK) {
        struct text id = {0};

        hex_write(&id, entry.message_id.bytes, sizeof entry.message_id.bytes);
        outcome_set(outcome, VERDICT_DISCARD, "receipt for message %s: %s%s", id.failed ? "?" : id.data, state_name(entry.state),
                    bulla_settled_is_new(settled) ? "" : ", as before");
        text_free(&id);
    } else if (status == BULLA_CONTENT_DIFFERS) {
        log_error("THE RECIPIENT HAS OTHER CONTENT than was sent: %s", error.text);
        outcome_set(outcome, VERDICT_DISCARD, "receipt about other content");
    } else if (bulla_status_class(status) == BULLA_CLASS_TRY_AGAIN || bulla_status_class(status) == BULLA_CLASS_USAGE) {
        outcome_set(outcome, VERDICT_LATER, "receipt cannot be taken now: %s", error.text);
    } else {
        outcome_set(outcome, VERDICT_REJECT, "receipt not acceptable: %s", error.text);
    }
    bulla_settled_free(settled);
}
