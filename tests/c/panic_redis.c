/*
 * As panic.c, with the guard of a fleet: what its threads and connections share must go on after a panic at any place. Arguments: the
 * URL of a Redis server. Linked with --wrap=clock_gettime, and the static library with the feature redis.
 */
#include "harness.h"
#include <errno.h>
#include <pthread.h>
#include <time.h>

enum { THREADS = 8, ROUNDS = 60, OFTEN = 20 /* more than there are connections */ };

int __real_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);

/* Which of this thread's next looks at the clock fails; 0: none. */
static __thread int fails_at;
static __thread int failed_clocks;
static bulla_guard *guard;

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
    if (fails_at == 0 || --fails_at > 0)
        return __real_clock_gettime(id, now);
    failed_clocks++;
    errno = EINVAL;
    return -1;
}

static bulla_status tell(void *context, uint64_t *now)
{
    (void)context;
    *now = (uint64_t)time(NULL); /* the server's clock is not far away */
    return BULLA_OK;
}

struct person {
    struct world world;
    unsigned dice;
    int accepted, panicked, unavailable, other;
};

static void person_begin(struct person *person)
{
    struct world *world = &person->world;
    bulla_clock *clock = NULL;

    begin(world);
    bulla_opener_free(world->opener);
    OK(bulla_opener_new(world->bob, world->policy, guard, &world->opener, &error));
    OK(bulla_clock_new(tell, NULL, NULL, &clock, &error));
    OK(bulla_sealer_clock(world->sealer, clock, &error));
    OK(bulla_opener_clock(world->opener, clock, &error));
    bulla_clock_free(clock);
}

/* A new message, of which one look at the clock fails. Uses nothing that threads share but the guard. */
static bulla_status one(struct person *person, int at)
{
    struct world *world = &person->world;
    bulla_buffer *envelope = NULL, *content = NULL;
    bulla_message *message = NULL;
    bulla_error own;
    bulla_status status;

    if (bulla_buffer_new(&envelope, &own) != BULLA_OK || bulla_buffer_new(&content, &own) != BULLA_OK)
        return BULLA_IO;
    status = bulla_seal(world->sealer, world->draft, HELLO, sizeof HELLO, envelope, NULL, &own);
    if (status == BULLA_OK) {
        fails_at = at;
        status = bulla_open(world->opener, bulla_buffer_data(envelope), bulla_buffer_length(envelope), content, &message, &own);
        fails_at = 0;
    }
    bulla_message_free(message);
    bulla_buffer_free(envelope);
    bulla_buffer_free(content);
    return status;
}

/* A new message is accepted, at the latest when the attempts to connect have ended that nobody waits for any more. */
static int goes_on(struct person *person)
{
    static const struct timespec moment = {0, 100 * 1000 * 1000};
    int tries;

    for (tries = 0; tries < 30; tries++) {
        if (one(person, 0) == BULLA_OK)
            return 1;
        nanosleep(&moment, NULL);
    }
    return 0;
}

/* Every look at the clock, one after the other. */
static int one_by_one(struct person *person)
{
    int at, turn, places = 0;

    for (at = 1; at < 100; at++) {
        int before_it = failed_clocks;

        for (turn = 0; turn < OFTEN; turn++) {
            bulla_status status = one(person, at);

            if (failed_clocks == before_it)
                return places;
            CHECK(status == BULLA_INTERNAL || status == BULLA_GUARD_UNAVAILABLE);
        }
        places++;
        CHECK(goes_on(person));
    }
    return places;
}

static void *at_random(void *context)
{
    struct person *person = context;
    int round;

    for (round = 0; round < ROUNDS; round++) {
        bulla_status status;

        person->dice = person->dice * 1103515245u + 12345u;
        status = one(person, (person->dice >> 16) % 3 == 0 ? 1 + (int)((person->dice >> 20) % 5) : 0);
        if (status == BULLA_OK)
            person->accepted++;
        else if (status == BULLA_INTERNAL)
            person->panicked++;
        else if (status == BULLA_GUARD_UNAVAILABLE)
            person->unavailable++; /* it was in the batch of one who panicked, or all connections were being made */
        else
            person->other++;
    }
    return NULL;
}

int main(int count, char **arguments)
{
    static struct person people[THREADS];
    pthread_t threads[THREADS];
    struct person all = {0};
    int at, places;

    if (count != 2)
        return EXIT_FAILURE;
    OK(bulla_guard_redis(arguments[1], NULL, &guard, &error));
    for (at = 0; at < THREADS; at++) {
        people[at].dice = (unsigned)at + 1;
        person_begin(&people[at]);
    }
    places = one_by_one(&people[0]);
    CHECK(places >= 2);
    for (at = 0; at < THREADS; at++)
        CHECK(pthread_create(&threads[at], NULL, at_random, &people[at]) == 0);
    for (at = 0; at < THREADS; at++) {
        pthread_join(threads[at], NULL);
        all.accepted += people[at].accepted;
        all.panicked += people[at].panicked;
        all.unavailable += people[at].unavailable;
        all.other += people[at].other;
    }
    CHECK(all.other == 0 && all.panicked > 0 && all.accepted > THREADS * ROUNDS / 3);
    for (at = 0; at < OFTEN; at++)
        CHECK(goes_on(&people[at % THREADS]));
    for (at = 0; at < THREADS; at++)
        end(&people[at].world);
    bulla_guard_free(guard);
    printf("panics with Redis: %d places; %d threads: %d accepted, %d panics, %d beside one; %d failed checks\n", places, THREADS, all.accepted,
           all.panicked, all.unavailable, failures);
    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
