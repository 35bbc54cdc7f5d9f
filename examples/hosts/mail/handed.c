#include "handed.h"

#include "log.h"
#include "receipts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A mail that waits for its confirmation. The leases are of this process; if it ends, the file and the guard remain. */
struct waiting { char id[HANDED_ID]; time_t until; struct taken *taken; size_t count; struct waiting *next; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiting *all;

bulla_status open_leased(const struct host *host, const char *reader, const struct text *envelope, bulla_buffer *content,
                         bulla_lease **lease, bulla_answer **again, char **receipt_to, bulla_error *error)
{
    bulla_opener *opener = NULL;
    struct text address = {0};
    bulla_status status = host_opener(host, reader, &opener, error);

    *receipt_to = NULL;
    if (status == BULLA_OK)
        status = bulla_open_leased(opener, (const uint8_t *)envelope->data, envelope->length, host->config->lease, content, lease, again,
                                   error);
    if (status == BULLA_OK || status == BULLA_AGAIN) {
        attribute_text(&address, status == BULLA_OK ? bulla_lease_stamp(*lease) : bulla_answer_stamp(*again), ATTRIBUTE_RECEIPT);
        *receipt_to = strdup(address.data == NULL ? "" : address.data);
    }
    text_free(&address);
    bulla_opener_free(opener);
    return status;
}

/* The file that stands for a message and a reader while they are under way. */
static int mark_path(const struct host *host, const bulla_stamp *stamp, const char *reader, struct text *path)
{
    bulla_message_id id;
    bulla_key signer;
    bulla_digest digest;
    struct text name = {0};
    int result = -1;

    if (bulla_stamp_message_id(stamp, &id, NULL) == BULLA_OK && bulla_stamp_signer(stamp, &signer, NULL) == BULLA_OK) {
        text_add(&name, id.bytes, sizeof id.bytes);
        text_add(&name, signer.bytes, sizeof signer.bytes);
        text_puts(&name, reader);
        if (!name.failed && bulla_digest_of((const uint8_t *)name.data, name.length, &digest, NULL) == BULLA_OK) {
            text_clear(&name);
            hex_write(&name, digest.bytes, sizeof digest.bytes);
            result = name.failed || *host_path(host, path, "marks", name.data) == 0 ? -1 : 0;
        }
    }
    text_free(&name);
    return result;
}

int handed_is_under_way(const struct host *host, const bulla_stamp *stamp, const char *reader)
{
    struct text path = {0};
    struct stat seen;
    /* The guard would have said so if it were us: so long may the queue take after a lease has ended. */
    int is = mark_path(host, stamp, reader, &path) != 0 ||
             (stat(path.data, &seen) == 0 && seen.st_mtime + 3 * (time_t)host->config->lease > time(NULL));

    text_free(&path);
    return is;
}

static int mark(const struct host *host, const bulla_stamp *stamp, const char *reader, int under_way)
{
    struct text path = {0};
    int result = mark_path(host, stamp, reader, &path);

    if (result == 0 && under_way)
        result = file_write(path.data, "", 0);
    else if (result == 0)
        unlink(path.data);
    text_free(&path);
    return result;
}

static void waiting_free(struct waiting *waiting)
{
    for (size_t i = 0; i < waiting->count; i++) {
        bulla_lease_free(waiting->taken[i].lease);
        free(waiting->taken[i].receipt_to);
        free((char *)(uintptr_t)waiting->taken[i].reader);
    }
    free(waiting->taken);
    free(waiting);
}

/* Takes one out of the list, and frees those whose time is over: their leases have fallen free by themselves. */
static struct waiting *waiting_take(const char *id)
{
    struct waiting **place, *found = NULL, *old = NULL;

    pthread_mutex_lock(&lock);
    for (place = &all; *place != NULL;) {
        struct waiting *one = *place;

        if (strcmp(one->id, id) == 0) {
            *place = one->next;
            found = one;
        } else if (one->until < time(NULL)) {
            *place = one->next;
            one->next = old;
            old = one;
        } else {
            place = &one->next;
        }
    }
    pthread_mutex_unlock(&lock);
    while (old != NULL) {
        struct waiting *next = old->next;

        waiting_free(old);
        old = next;
    }
    return found;
}

static int random_id(char *id)
{
    struct text hex = {0};
    uint8_t bytes[(HANDED_ID - 1) / 2];

    if (getentropy(bytes, sizeof bytes) != 0)
        return -1;
    hex_write(&hex, bytes, sizeof bytes);
    if (!hex.failed)
        memcpy(id, hex.data, HANDED_ID);
    text_free(&hex);
    return hex.failed ? -1 : 0;
}

int handed_keep(const struct host *host, struct taken *taken, size_t count, const struct text *envelope, char *id)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);
    struct text file = {0}, path = {0};
    int result = -1;

    for (size_t i = 0; i < count; i++) {
        text_format(&file, "%s\n", taken[i].reader);
        file.failed |= mark(host, bulla_lease_stamp(taken[i].lease), taken[i].reader, 1) != 0;
    }
    text_puts(&file, "\n");
    text_add(&file, envelope->data, envelope->length);
    if (waiting != NULL && (waiting->taken = calloc(count, sizeof *taken)) != NULL && !file.failed && random_id(id) == 0 &&
        file_write(host_path(host, &path, "handed", id), file.data, file.length) == 0)
        result = 0;
    else
        log_error("%s/handed cannot be written: %s", host->config->state, strerror(errno));
    for (size_t i = 0; result == 0 && i < count; i++) {
        waiting->taken[i] = taken[i];
        waiting->taken[i].reader = strdup(taken[i].reader);
        taken[i].lease = NULL;
        taken[i].receipt_to = NULL;
        waiting->count++;
    }
    if (result == 0) {
        memcpy(waiting->id, id, HANDED_ID);
        waiting->until = time(NULL) + (time_t)host->config->lease + 60;
        pthread_mutex_lock(&lock);
        waiting->next = all;
        all = waiting;
        pthread_mutex_unlock(&lock);
    } else if (waiting != NULL) {
        free(waiting->taken);
        free(waiting);
    }
    text_free(&file);
    text_free(&path);
    return result;
}

void handed_drop(const struct host *host, const char *id)
{
    struct waiting *waiting = waiting_take(id);
    struct text path = {0};

    unlink(host_path(host, &path, "handed", id));
    text_free(&path);
    for (size_t i = 0; waiting != NULL && i < waiting->count; i++)
        mark(host, bulla_lease_stamp(waiting->taken[i].lease), waiting->taken[i].reader, 0);
    if (waiting != NULL)
        waiting_free(waiting);
}

/* Commits one reservation, and keeps its receipt. */
static bulla_status commit(const struct host *host, const char *id, bulla_lease *lease, const char *receipt_to, const char *reader)
{
    bulla_answer *answer = NULL;
    bulla_error error = {0};
    bulla_status status = bulla_receipter_accept(host->receipter, lease, &answer, &error);

    /* If the receipt is not kept: it is committed all the same, and the next attempt finds it in the guard. */
    if (status != BULLA_OK)
        log_error("%s is not committed: %s", id, error.text);
    else if (receipt_keep(host, id, receipt_to, bulla_answer_receipt(answer), bulla_answer_outcome(answer)) != 0)
        status = BULLA_IO;
    else
        mark(host, bulla_answer_stamp(answer), reader, 0);
    bulla_answer_free(answer);
    return status;
}

/* After a restart, or when the lease ran out: reserves it once more. */
static int confirm_again(const struct host *host, const char *id, const char *reader, const struct text *envelope)
{
    bulla_buffer *content = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    bulla_error error = {0};
    char *receipt_to = NULL;
    int result = -1;
    bulla_status status = bulla_buffer_new(&content, &error);

    if (status == BULLA_OK)
        status = open_leased(host, reader, envelope, content, &lease, &again, &receipt_to, &error);
    if (status == BULLA_OK)
        result = receipt_to != NULL && commit(host, id, lease, receipt_to, reader) == BULLA_OK ? 0 : -1;
    else if (status == BULLA_AGAIN && receipt_to != NULL) {
        result = receipt_keep(host, id, receipt_to, bulla_answer_receipt(again), bulla_answer_outcome(again));
        if (result == 0)
            mark(host, bulla_answer_stamp(again), reader, 0);
    }
    else if (bulla_status_class(status) != BULLA_CLASS_TRY_AGAIN && bulla_status_class(status) != BULLA_CLASS_USAGE) {
        log_error("%s was delivered, but can no longer be receipted: %s", id, error.text);
        result = 0;
    } else {
        log_info("%s waits for its confirmation: %s", id, error.text);
    }
    free(receipt_to);
    bulla_lease_free(lease);
    bulla_answer_free(again);
    bulla_buffer_free(content);
    return result;
}

static int confirm_from_file(const struct host *host, const char *id, struct text *file)
{
    struct text envelope = {0};
    const char *begin = strstr(file->data, "\n\n"), *line = file->data;
    int result = 0;

    if (begin == NULL) {
        log_error("%s/handed/%s is damaged", host->config->state, id);
        return 0;
    }
    text_add(&envelope, begin + 2, file->length - (size_t)(begin + 2 - file->data));
    while (line <= begin) {
        char *end = strchr(line, '\n');

        *end = 0;
        if (confirm_again(host, id, line, &envelope) != 0)
            result = -1;
        line = end + 1;
    }
    text_free(&envelope);
    return result;
}

int handed_confirm(const struct host *host, const char *id)
{
    struct waiting *waiting;
    struct text file = {0}, path = {0};
    int result = 0, known;

    if (strlen(id) != HANDED_ID - 1 || strspn(id, "0123456789abcdef") != HANDED_ID - 1)
        return log_error("\"%s\" is no confirmation of ours", id), 0;
    waiting = waiting_take(id);
    known = waiting != NULL;
    for (size_t i = 0; known && i < waiting->count; i++)
        if (waiting->taken[i].receipt_to == NULL ||
            commit(host, id, waiting->taken[i].lease, waiting->taken[i].receipt_to, waiting->taken[i].reader) != BULLA_OK)
            result = -1;
    if (known)
        waiting_free(waiting);
    host_path(host, &path, "handed", id);
    if (!known || result != 0) {
        if (file_read(path.data, &file, (size_t)2 << 30) == 0)
            result = confirm_from_file(host, id, &file);
        else
            result = errno == ENOENT ? 0 : -1; /* it was confirmed before */
    }
    if (result == 0)
        unlink(path.data);
    text_free(&file);
    text_free(&path);
    return result;
}
