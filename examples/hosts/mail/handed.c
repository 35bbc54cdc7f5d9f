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
struct waiting { char id[HANDED_ID]; time_t until; struct claims claims; struct waiting *next; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiting *all;

void claims_free(struct claims *claims)
{
    for (size_t i = 0; i < claims->count; i++) {
        bulla_lease_free(claims->taken[i].lease);
        free(claims->taken[i].reader);
    }
    free(claims->taken);
    bulla_lease_free(claims->whole);
    free(claims->receipt_to);
    memset(claims, 0, sizeof *claims);
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
    claims_free(&waiting->claims);
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
    int result;

    if (getentropy(bytes, sizeof bytes) != 0)
        return -1;
    hex_write(&hex, bytes, sizeof bytes);
    result = hex.failed ? -1 : 0;
    if (result == 0)
        memcpy(id, hex.data, HANDED_ID);
    text_free(&hex);
    return result;
}

/* The stamp of what is reserved for one recipient. */
static const bulla_stamp *stamp_of(const struct claims *claims, size_t which)
{
    return bulla_lease_stamp(claims->taken[which].lease != NULL ? claims->taken[which].lease : claims->whole);
}

int handed_keep(const struct host *host, struct claims *claims, const struct addressees *addressees, const struct text *envelope, char *id)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);
    struct text file = {0}, path = {0};
    int result = -1;

    text_format(&file, "bulla-handed 1 %zu\n", addressees->sealed.length);
    for (size_t i = 0; i < claims->count; i++) {
        text_format(&file, "%s\n", claims->taken[i].reader);
        file.failed |= mark(host, stamp_of(claims, i), claims->taken[i].reader, 1) != 0;
    }
    text_puts(&file, "\n");
    text_add(&file, addressees->sealed.data, addressees->sealed.length);
    text_add(&file, envelope->data, envelope->length);
    if (waiting != NULL && !file.failed && random_id(id) == 0 &&
        file_write(host_path(host, &path, "handed", id), file.data, file.length) == 0)
        result = 0;
    else
        log_error("%s/handed cannot be written: %s", host->config->state, strerror(errno));
    if (result == 0) {
        waiting->claims = *claims;
        memset(claims, 0, sizeof *claims);
        memcpy(waiting->id, id, HANDED_ID);
        waiting->until = time(NULL) + (time_t)host->config->lease + 60;
        pthread_mutex_lock(&lock);
        waiting->next = all;
        all = waiting;
        pthread_mutex_unlock(&lock);
    } else {
        free(waiting);
        for (size_t i = 0; i < claims->count; i++)
            mark(host, stamp_of(claims, i), claims->taken[i].reader, 0);
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
    for (size_t i = 0; waiting != NULL && i < waiting->claims.count; i++)
        mark(host, stamp_of(&waiting->claims, i), waiting->claims.taken[i].reader, 0);
    if (waiting != NULL)
        waiting_free(waiting);
}

/* Commits the reservation of one addressee. There is no receipt of it: that is the key's. */
static bulla_status commit(const struct host *host, const char *id, const char *reader, bulla_lease *lease)
{
    bulla_answer *answer = NULL;
    bulla_error error = {0};
    bulla_status status = bulla_lease_accept_unanswered(lease, &answer, &error);

    if (status == BULLA_OK)
        mark(host, bulla_answer_stamp(answer), reader, 0);
    else
        log_error("%s is not committed: %s", id, error.text);
    bulla_answer_free(answer);
    return status;
}

int claims_commit(const struct host *host, const char *id, struct claims *claims)
{
    int result = 0;

    for (size_t i = 0; i < claims->count; i++)
        if (claims->taken[i].lease != NULL && commit(host, id, claims->taken[i].reader, claims->taken[i].lease) != BULLA_OK)
            result = -1;
    if (claims->whole != NULL && result == 0) {
        struct text path = {0};

        for (size_t i = 0; i < claims->count && path.length == 0; i++)
            if (claims->taken[i].lease == NULL)
                mark_path(host, bulla_lease_stamp(claims->whole), claims->taken[i].reader, &path);
        if (whole_accept(host, id, claims->whole, claims->receipt_to) != BULLA_OK)
            result = -1;
        else if (path.length > 0)
            unlink(path.data);
        text_free(&path);
    }
    return result;
}

/* After a restart, or when a lease ran out: reserves once more, and commits. 0, or -1 if it must be tried again. */
static int confirm_again(const struct host *host, const char *id, const char *reader, const struct addressees *addressees)
{
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    bulla_error error = {0};
    bulla_status status = addressee_lease(host, addressees, reader, host->config->lease, &lease, &again, &error);
    int result = 0;

    if (status == BULLA_OK) {
        result = commit(host, id, reader, lease) == BULLA_OK ? 0 : -1;
    } else if (status == BULLA_AGAIN) {
        mark(host, bulla_answer_stamp(again), reader, 0);
    } else if (bulla_status_class(status) == BULLA_CLASS_REFUSED || bulla_status_class(status) == BULLA_CLASS_NOT_ACCEPTABLE) {
        log_error("%s was delivered, but can no longer be receipted: %s", id, error.text);
    } else {
        log_info("%s waits for its confirmation: %s", id, error.text);
        result = -1;
    }
    bulla_lease_free(lease);
    bulla_answer_free(again);
    return result;
}

/* Everybody in the file, and then the whole. `readers` are lines, up to an empty one. */
static int confirm_all(const struct host *host, const char *id, char *readers, const struct addressees *addressees,
                       const struct text *envelope)
{
    int result = 0, receipt = addressees->count > 1;

    for (char *line = readers, *end; *line != '\n' && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        if (addressees->count == 1 && addressees_name(addressees, line))
            receipt = 1; /* the whole is his */
        else if (confirm_again(host, id, line, addressees) != 0)
            result = -1;
    }
    return result == 0 && receipt ? (whole_receipt(host, id, addressees, envelope) < 0 ? -1 : 0) : result;
}

static int confirm_from_file(const struct host *host, const char *id, struct text *file)
{
    struct addressees addressees = {0};
    struct text envelope = {0};
    bulla_error error = {0};
    char *end = NULL, *begin = strstr(file->data, "\n\n"), *first = strchr(file->data, '\n');
    unsigned long list = strncmp(file->data, "bulla-handed 1 ", 15) == 0 ? strtoul(file->data + 15, &end, 10) : 0;
    size_t at = begin == NULL ? 0 : (size_t)(begin + 2 - file->data);
    bulla_status status;
    int result;

    if (begin == NULL || end != first || list > file->length - at) {
        log_error("%s/handed/%s is damaged", host->config->state, id);
        return 0;
    }
    text_add(&envelope, file->data + at + list, file->length - at - list);
    status = envelope.failed ? BULLA_IO : addressees_open(host, (const uint8_t *)file->data + at, list, &addressees, &error);
    if (status == BULLA_OK) {
        result = confirm_all(host, id, first + 1, &addressees, &envelope);
    } else {
        result = bulla_status_class(status) == BULLA_CLASS_REFUSED || bulla_status_class(status) == BULLA_CLASS_NOT_ACCEPTABLE ? 0 : -1;
        log_error("%s was delivered, but cannot be receipted%s: %s", id, result == 0 ? "" : " now", error.text);
    }
    addressees_free(&addressees);
    text_free(&envelope);
    return result;
}

int handed_confirm(const struct host *host, const char *id)
{
    struct waiting *waiting;
    struct text file = {0}, path = {0};
    int result = -1;

    if (strlen(id) != HANDED_ID - 1 || strspn(id, "0123456789abcdef") != HANDED_ID - 1)
        return log_error("\"%s\" is no confirmation of ours", id), 0;
    waiting = waiting_take(id);
    if (waiting != NULL) {
        /* Without the whole it remains to be seen who else has the mail by now. */
        result = claims_commit(host, id, &waiting->claims) == 0 && waiting->claims.whole != NULL ? 0 : -1;
        waiting_free(waiting);
    }
    host_path(host, &path, "handed", id);
    if (result != 0) {
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
