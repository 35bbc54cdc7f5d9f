#define _POSIX_C_SOURCE 200809L
#include "deliver.h"

#include "reach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum state { TO_SEND, AWAITED, STORED, REJECTED, LATE };
/* Seconds between two looks for a receipt, and between two tries of an upload that failed: at first, and at most. */
static const double FIRST_LOOK = 0.1, LONGEST_LOOK = 5, FIRST_TRY = 0.5, LONGEST_TRY = 60;

struct entry {
    struct item item;
    enum state state;
    double next;   /* when it is to be sent, or its receipt looked for */
    double look;   /* how long to wait between two looks */
    double pause;  /* how long to wait after an upload that failed */
    double resend; /* when it is to be sent again if there is no receipt */
    double resend_pause;
    unsigned anew;
    int again;  /* it is sent because there was no receipt */
    int is_new; /* sealed by this run: its user does not know yet that it is awaited */
};

struct delivery {
    struct sender *sender;
    struct patience patience;
    struct entry *entries;
    size_t count;
    size_t room;
};

static double lesser(double one, double other)
{
    return one < other ? one : other;
}

struct delivery *delivery_new(struct sender *sender, const struct patience *patience)
{
    struct delivery *delivery = calloc(1, sizeof *delivery);

    if (delivery != NULL) {
        delivery->sender = sender;
        delivery->patience = *patience;
    }
    return delivery;
}

void delivery_free(struct delivery *delivery)
{
    if (delivery != NULL)
        free(delivery->entries);
    free(delivery);
}

static void reset(const struct delivery *delivery, struct entry *entry, enum state state)
{
    entry->state = state;
    entry->next = 0;
    entry->look = FIRST_LOOK;
    entry->pause = FIRST_TRY;
    entry->resend_pause = (double)delivery->patience.resend;
    entry->resend = clock_now() + entry->resend_pause;
}

bulla_status delivery_add(struct delivery *delivery, const struct item *item, int due)
{
    if (delivery->count == delivery->room) {
        size_t room = 2 * delivery->room + 16;
        struct entry *entries = realloc(delivery->entries, room * sizeof *entries);

        if (entries == NULL)
            return BULLA_IO;
        delivery->entries = entries;
        delivery->room = room;
    }
    struct entry *entry = &delivery->entries[delivery->count++];
    memset(entry, 0, sizeof *entry);
    entry->item = *item;
    reset(delivery, entry, item->attempts > 0 || item->given_up ? AWAITED : TO_SEND);
    if (due)
        entry->resend = 0;
    return BULLA_OK;
}

bulla_status delivery_seal(struct delivery *delivery, const char *file, bulla_error *error)
{
    struct item item;
    bulla_status status;

    memset(&item, 0, sizeof item);
    if ((status = send_seal(delivery->sender, file, &item, error)) == BULLA_OK &&
        (status = delivery_add(delivery, &item, 0)) == BULLA_OK)
        delivery->entries[delivery->count - 1].is_new = 1;
    return status;
}

/* It is rejected for good. Where that may be otherwise later, the file is sealed anew, as another message. */
static void rejected(struct delivery *delivery, struct entry *entry, uint16_t reason)
{
    bulla_error error;
    struct item item = entry->item;
    int passes = reason == BULLA_REASON_FULL || reason == BULLA_REASON_FAILED;

    entry->state = REJECTED;
    if (!passes || entry->anew >= delivery->patience.anew)
        return;
    /* To where this one went, whatever is said for others. */
    delivery->sender->to = entry->item.to;
    delivery->sender->receipts = entry->item.receipts;
    if (told(send_seal(delivery->sender, entry->item.file, &item, &error), &error, entry->item.file) != BULLA_OK)
        return;
    entry->item = item;
    entry->anew++;
    say("%s: sealed anew, and sent again", entry->item.file);
    reset(delivery, entry, TO_SEND);
    entry->next = clock_now() + lesser(LONGEST_TRY, FIRST_TRY * (double)(1u << (entry->anew < 10 ? entry->anew : 10)));
}

/* It is known what became of it. 0 if not. */
static int conclude(struct delivery *delivery, struct entry *entry, enum answer answer, uint16_t reason)
{
    switch (answer) {
    case ANSWER_STORED:
        entry->state = STORED;
        tell("stored %s %s", entry->item.name, entry->item.file);
        return 1;
    case ANSWER_REJECTED:
        tell("rejected %s %s", entry->item.name, entry->item.file);
        rejected(delivery, entry, reason);
        return 1;
    case ANSWER_LATE: entry->state = LATE; return 1;
    case ANSWER_DAMAGED:
        entry->state = TO_SEND;
        entry->next = clock_now() + entry->pause;
        entry->pause = lesser(LONGEST_TRY, 2 * entry->pause);
        return 1;
    case ANSWER_NONE: break;
    }
    return 0;
}

static void look(struct delivery *delivery, struct entry *entry)
{
    uint16_t reason = 0;
    enum answer answer = send_fetch(delivery->sender, &entry->item, &reason);

    if (conclude(delivery, entry, answer, reason))
        return;
    /* Another process may have fetched the receipt, and removed it. */
    answer = send_state(delivery->sender, &entry->item, &reason);
    if (conclude(delivery, entry, answer, reason))
        return;
    if (clock_now() >= entry->resend) {
        entry->state = TO_SEND;
        entry->again = !entry->item.failed;
        entry->next = 0;
        entry->resend_pause *= 2;
        return;
    }
    entry->next = clock_now() + entry->look;
    entry->look = lesser(LONGEST_LOOK, 1.5 * entry->look);
}

static void await(struct entry *entry)
{
    entry->state = AWAITED;
    entry->again = 0;
    entry->look = FIRST_LOOK;
    entry->next = clock_now() + entry->look;
    entry->resend = clock_now() + entry->resend_pause;
}

static void dispatch(struct delivery *delivery, struct entry *entry)
{
    uint16_t reason = 0;
    enum answer answer;

    switch (send_upload(delivery->sender, &entry->item)) {
    case SENT:
        if (entry->again)
            say("%s: sent again, for there was no receipt", entry->item.file);
        await(entry);
        return;
    case BY_ANOTHER: await(entry); return;
    case NOT_AWAITED:
        answer = send_state(delivery->sender, &entry->item, &reason);
        if (conclude(delivery, entry, answer, reason))
            return;
        break;
    case NOT_SENT: break;
    }
    entry->next = clock_now() + entry->pause;
    entry->pause = lesser(LONGEST_TRY, 2 * entry->pause);
}

static void step(struct delivery *delivery, struct entry *entry)
{
    if (entry->state == AWAITED)
        look(delivery, entry);
    else
        dispatch(delivery, entry);
}

static int is_open(const struct entry *entry)
{
    return entry->state == TO_SEND || entry->state == AWAITED;
}

/* Does what is to be done now. When the next thing is, or -1 if nothing is left. */
static double turn(struct delivery *delivery)
{
    double next = -1;

    for (size_t at = 0; at < delivery->count; at++) {
        struct entry *entry = &delivery->entries[at];

        if (is_open(entry) && entry->next <= clock_now())
            step(delivery, entry);
        /* There was no receipt, and it is due: that is one thing, however short the wait. */
        if (entry->state == TO_SEND && entry->next <= 0)
            step(delivery, entry);
        if (is_open(entry) && (next < 0 || entry->next < next))
            next = entry->next;
    }
    return next;
}

static int outcome(const struct delivery *delivery)
{
    int result = EXIT_DONE;

    for (size_t at = 0; at < delivery->count; at++) {
        const struct entry *entry = &delivery->entries[at];

        if (entry->state == REJECTED)
            result = EXIT_REFUSED;
        if (is_open(entry) || (entry->state == LATE && entry->is_new)) {
            if (entry->is_new)
                tell("%s %s %s", entry->state == TO_SEND ? "unsent" : "awaited", entry->item.name, entry->item.file);
            if (result == EXIT_DONE)
                result = EXIT_AWAITED;
        }
    }
    return result;
}

int delivery_run(struct delivery *delivery)
{
    double end = clock_now() + (double)delivery->patience.wait;
    double next;

    while ((next = turn(delivery)) >= 0 && clock_now() < end) {
        double pause = lesser(next, end) - clock_now();

        if (pause > 0) {
            struct timespec time = {(time_t)pause, (long)((pause - (double)(time_t)pause) * 1e9)};

            while (nanosleep(&time, &time) != 0 && errno == EINTR)
                ;
        }
    }
    return outcome(delivery);
}
