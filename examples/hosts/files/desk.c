#define _XOPEN_SOURCE 700
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct desk {
    const struct desk_options *options;
    bulla_identity *me;
    bulla_policy *policy;
    bulla_store *store;
    bulla_receipter *receipter;
};

void desk_defaults(struct desk_options *options)
{
    memset(options, 0, sizeof *options);
    options->lease = 60;
    /* Whoever may send must not be able to fill a disk because nobody thought of a limit. */
    options->max_size = (uint64_t)2 << 30;
}

int desk_option(struct desk_options *options, int option, const char *value)
{
    switch (option) {
    case 'i': options->key = value; return 1;
    case 'c': options->context = value; return 1;
    case DESK_GUARD: options->guard = value; return 1;
    case DESK_DIR: options->folder = value; return 1;
    case DESK_REJECT_FULL: options->reject_full = 1; return 1;
    case DESK_BY_ID: options->by_id = 1; return 1;
    case DESK_PASSPHRASE: options->passphrase_file = value; return 1;
    case DESK_LEASE: return read_duration(value, &options->lease) && options->lease > 0 ? 1 : -1;
    case DESK_MAX_SIZE: return read_size(value, &options->max_size) && options->max_size > 0 ? 1 : -1;
    case DESK_KEEP_FREE: return read_size(value, &options->keep_free) ? 1 : -1;
    case DESK_FROM:
        if (options->sender_count == sizeof options->senders / sizeof options->senders[0])
            return -1;
        options->senders[options->sender_count++] = value;
        return 1;
    default: return 0;
    }
}

const char *desk_check(const struct desk_options *options)
{
    if (options->key == NULL || options->context == NULL || options->guard == NULL || options->folder == NULL)
        return "-i, -c, --guard and --dir are needed";
    return options->sender_count == 0 ? "--from is missing: nobody is accepted" : NULL;
}

static bulla_status allow(void *context, const bulla_public *one, bulla_error *error)
{
    return bulla_policy_allow_identity(context, one, error);
}

/* Asked before anything of a file is written. That it is full on the way is found out, too. */
static uint8_t has_room(void *context, const uint8_t *folder, size_t length, uint64_t content)
{
    const struct desk_options *options = context;
    struct statvfs disk;

    (void)folder, (void)length;
    if (statvfs(options->folder, &disk) != 0)
        return 1; /* storing there says what is wrong */
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t wanted = content == BULLA_CONTENT_UNKNOWN ? 0 : content;
    return room >= options->keep_free && room - options->keep_free >= wanted;
}

static bulla_status set_up(struct desk *desk, const struct desk_options *options, bulla_error *error)
{
    bulla_database *database = NULL;
    bulla_guard *guard = NULL;
    bulla_opener *opener = NULL;
    bulla_status status = bulla_policy_new(options->context, &desk->policy, error);

    for (size_t at = 0; at < options->sender_count && status == BULLA_OK; at++)
        status = host_identities(options->senders[at], allow, desk->policy, error);
    if (status == BULLA_OK &&
        (status = host_identity(options->key, options->passphrase_file, &desk->me, error)) == BULLA_OK &&
        (status = bulla_database_open(options->guard, &database, error)) == BULLA_OK &&
        (status = bulla_guard_durable(database, NULL, &guard, error)) == BULLA_OK &&
        (status = bulla_opener_new(desk->me, desk->policy, guard, &opener, error)) == BULLA_OK &&
        (status = bulla_store_new(opener, options->lease, &desk->store, error)) == BULLA_OK &&
        (status = bulla_store_ask_for_room(desk->store, has_room, (void *)options, NULL, error)) == BULLA_OK &&
        (status = bulla_receipter_new(desk->me, &desk->receipter, error)) == BULLA_OK &&
        /* Of damage a sender is told 20 times at once, then once a minute. */
        (status = bulla_receipter_limit(desk->receipter, guard, 60, 20, error)) == BULLA_OK)
        status = bulla_store_max_content(desk->store, options->max_size, error);
    bulla_opener_free(opener);
    bulla_guard_free(guard);
    bulla_database_free(database);
    return status;
}

int desk_is_within(const char *file, const char *folder)
{
    char parent[PATH_MAX];
    char *one = realpath(folder, NULL);
    size_t length = one != NULL ? strlen(one) : 0;
    int within = 0;

    snprintf(parent, sizeof parent, "%s", file);
    const char *paths[] = {file, dirname(parent)};
    for (size_t at = 0; one != NULL && at < 2; at++) {
        char *two = realpath(paths[at], NULL);

        within |= two != NULL && strncmp(one, two, length) == 0 && (two[length] == '/' || two[length] == '\0');
        free(two);
    }
    free(one);
    return within;
}

const char *desk_apart(const struct desk_options *options, const char *folder)
{
    if (desk_is_within(options->folder, folder))
        return "what is stored would lie where others put envelopes: name another folder with --dir";
    if (desk_is_within(options->guard, folder))
        return "the guard is in the folder where others put envelopes, who could remove it: name another place with --guard";
    if (desk_is_within(options->key, folder) || (options->passphrase_file != NULL && desk_is_within(options->passphrase_file, folder)))
        return "the key is in the folder where others put envelopes: keep it elsewhere";
    for (size_t at = 0; at < options->sender_count; at++)
        if (strncmp(options->senders[at], "bulla1", 6) != 0 && desk_is_within(options->senders[at], folder))
            return "the file of --from is in the folder where others put envelopes, who could put their own there: keep it elsewhere";
    return NULL;
}

bulla_status desk_open(const struct desk_options *options, struct desk **desk, bulla_error *error)
{
    struct desk *made = calloc(1, sizeof *made);
    bulla_status status = BULLA_IO;

    memset(error, 0, sizeof *error);
    if (made == NULL)
        return status;
    made->options = options;
    /* What is stored could take a name that belongs to the database of the guard. */
    if (desk_is_within(options->guard, options->folder)) {
        snprintf(error->text, sizeof error->text, "the guard is in the folder: what is stored there could take its name");
        status = error->code = BULLA_INVALID_INPUT;
    } else {
        status = set_up(made, options, error);
    }
    if (status == BULLA_OK) {
        *desk = made;
    } else {
        say_if_full(options->guard);
        desk_close(made);
    }
    return status;
}

void desk_close(struct desk *desk)
{
    if (desk == NULL)
        return;
    bulla_receipter_free(desk->receipter);
    bulla_store_free(desk->store);
    bulla_policy_free(desk->policy);
    bulla_identity_free(desk->me);
    free(desk);
}

void desk_clean(struct desk *desk)
{
    bulla_error error;

    told(bulla_store_clean(desk->store, desk->options->folder, NULL, &error), &error, desk->options->folder);
}

void taken_clear(struct taken *taken)
{
    bulla_buffer_free(taken->receipt);
    taken->receipt = NULL;
}

static void keep(struct taken *taken, bulla_view receipt)
{
    if (receipt.length > 0 && bulla_buffer_new(&taken->receipt, NULL) == BULLA_OK &&
        bulla_buffer_append(taken->receipt, receipt.data, receipt.length, NULL) != BULLA_OK)
        taken_clear(taken);
}

/* The answer that is committed, now or before. */
static enum outcome answered(struct taken *taken, const bulla_answer *answer, int again)
{
    keep(taken, bulla_answer_receipt(answer));
    if (bulla_answer_outcome(answer) == BULLA_OUTCOME_REJECTED)
        return REJECTED_NOW;
    return again ? STORED_BEFORE : STORED_NOW;
}

static enum outcome failed(const struct desk *desk, struct taken *taken, const bulla_store_stream *stream, const bulla_error *error)
{
    snprintf(taken->text, sizeof taken->text, "%s: %s", bulla_status_name(taken->status),
             error->text[0] != '\0' ? error->text : bulla_status_text(taken->status));
    switch (bulla_status_class(taken->status)) {
    case BULLA_CLASS_REFUSED: return REFUSED_IT;
    case BULLA_CLASS_NOT_ACCEPTABLE:
        if (taken->notes && taken->status == BULLA_NOT_AUTHENTIC && bulla_buffer_new(&taken->receipt, NULL) == BULLA_OK &&
            bulla_receipter_damaged_in_store(desk->receipter, stream, "", taken->receipt, NULL) != BULLA_OK)
            taken_clear(taken);
        return UNACCEPTABLE;
    default: return LATER;
    }
}

/* It is authentic, and not stored: no room, or too long. */
static enum outcome turned_away(struct desk *desk, struct taken *taken, bulla_lease *lease, bulla_error *error)
{
    bulla_answer *answer = NULL;
    enum outcome outcome = LATER;
    int full = taken->status == BULLA_NO_ROOM;

    snprintf(taken->text, sizeof taken->text, "%s", full ? "there is no room for it" : "it is longer than is accepted");
    if (full && !desk->options->reject_full)
        return LATER; /* the lease is released, and it may come again */
    taken->status = bulla_receipter_reject(desk->receipter, lease, full ? BULLA_REASON_FULL : BULLA_REASON_TOO_LARGE, taken->text,
                                           &answer, error);
    if (taken->status == BULLA_OK)
        outcome = answered(taken, answer, 0);
    else
        snprintf(taken->text, sizeof taken->text, "%s, but its sender was not told: %s", full ? "no room" : "too long",
                 taken->status == BULLA_UNTOLD ? "too often by now" : error->text);
    bulla_answer_free(answer);
    return outcome;
}

static enum outcome finish(struct desk *desk, bulla_store_stream *stream, struct taken *taken, bulla_error *error)
{
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    enum outcome outcome;

    taken->status = bulla_store_stream_finish(stream, &lease, &answer, error);
    /* Somebody else's file has the name that is suggested. */
    if (taken->status == BULLA_NAME_TAKEN && !desk->options->by_id &&
        (taken->status = bulla_store_stream_retarget(stream, BULLA_TARGET_BY_ID, desk->options->folder, error)) == BULLA_OK)
        taken->status = bulla_store_stream_finish(stream, &lease, &answer, error);
    if (taken->status == BULLA_OK) {
        bulla_view path = bulla_lease_path(lease);

        snprintf(taken->text, sizeof taken->text, "%.*s", (int)path.length, (const char *)path.data);
        taken->status = bulla_receipter_accept(desk->receipter, lease, &answer, error);
        outcome = taken->status == BULLA_OK ? answered(taken, answer, 0) : failed(desk, taken, stream, error);
    } else if (taken->status == BULLA_AGAIN) {
        snprintf(taken->text, sizeof taken->text, "it came before, and was dealt with");
        outcome = answered(taken, answer, 1);
    } else if (taken->status == BULLA_TOO_LARGE || taken->status == BULLA_NO_ROOM) {
        outcome = turned_away(desk, taken, lease, error);
    } else {
        outcome = failed(desk, taken, stream, error);
    }
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    return outcome;
}

static enum outcome take(struct desk *desk, int file, struct taken *taken)
{
    uint32_t target = desk->options->by_id ? BULLA_TARGET_BY_ID : BULLA_TARGET_SUGGESTED;
    static unsigned char piece[65536];
    bulla_store_stream *stream = NULL;
    bulla_error error;
    ssize_t got;
    enum outcome outcome = LATER;

    memset(&error, 0, sizeof error);
    taken->status = bulla_store_stream_new(desk->store, target, desk->options->folder, &stream, &error);
    if (taken->status != BULLA_OK)
        return failed(desk, taken, stream, &error);
    do {
        got = read(file, piece, sizeof piece);
        if (got >= 0)
            taken->status = bulla_store_stream_update(stream, piece, (size_t)got, &error);
    } while (got > 0 && taken->status == BULLA_MORE);
    if (got < 0)
        snprintf(taken->text, sizeof taken->text, "it cannot be read: %s", strerror(errno));
    else if (taken->status == BULLA_MORE || taken->status == BULLA_OK)
        outcome = finish(desk, stream, taken, &error);
    else
        outcome = failed(desk, taken, stream, &error);
    bulla_store_stream_free(stream);
    return outcome;
}

enum outcome desk_take(struct desk *desk, int file, int notes, struct taken *taken)
{
    memset(taken, 0, sizeof *taken);
    taken->notes = notes;
    taken->outcome = take(desk, file, taken);
    return taken->outcome;
}
