/*
 * The guard of a fleet over a fork: its connections are those of one process. Argument: the URL of a Redis server. Linked with a
 * library with the feature redis. Two children at once would read each other's answers: here they are refused.
 */
#include "harness.h"
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 30 };

static const char *url;

static bulla_status tell(void *context, uint64_t *now)
{
    (void)context;
    *now = (uint64_t)time(NULL); /* the server's clock is not far away */
    return BULLA_OK;
}

static bulla_opener *opener_over(struct world *world, bulla_guard *guard)
{
    bulla_opener *opener = NULL;
    bulla_clock *clock = NULL;

    OK(bulla_opener_new(world->bob, world->policy, guard, &opener, &error));
    OK(bulla_clock_new(tell, NULL, NULL, &clock, &error));
    OK(bulla_opener_clock(opener, clock, &error));
    bulla_clock_free(clock);
    return opener;
}

static bulla_status opens(struct world *world, bulla_opener *opener)
{
    bulla_message *message = NULL;
    bulla_status status = open_it(world, opener, &message);

    bulla_message_free(message);
    return status;
}

/* The guard that was carried over refuses; one of the child's own says what is so. */
static void child(struct world *world, bulla_opener *carried, bulla_guard *guard, bulla_status wanted)
{
    bulla_guard *own = NULL;
    bulla_opener *opener;

    CHECK(opens(world, carried) == BULLA_GUARD_UNAVAILABLE);
    bulla_opener_free(carried);
    bulla_guard_free(guard);
    OK(bulla_guard_redis(url, NULL, &own, &error));
    opener = opener_over(world, own);
    CHECK(opens(world, opener) == wanted);
    bulla_opener_free(opener);
    bulla_guard_free(own);
    fflush(NULL);
    _exit(failures > 0);
}

int main(int count, char **arguments)
{
    struct world world;
    bulla_guard *guard = NULL;
    bulla_opener *opener;
    bulla_clock *clock = NULL;
    int round;

    if (count != 2)
        return EXIT_FAILURE;
    url = arguments[1];
    begin(&world);
    OK(bulla_clock_new(tell, NULL, NULL, &clock, &error));
    OK(bulla_sealer_clock(world.sealer, clock, &error));
    bulla_clock_free(clock);
    OK(bulla_guard_redis(url, NULL, &guard, &error));
    opener = opener_over(&world, guard);
    for (round = 0; round < ROUNDS && failures == 0; round++) {
        pid_t children[2];
        int at, status;

        seal_hello(&world, NULL);
        CHECK(opens(&world, opener) == BULLA_OK);
        fflush(NULL);
        for (at = 0; at < 2; at++) {
            children[at] = fork();
            if (children[at] == 0) {
                if (at == 1)
                    seal_hello(&world, NULL);
                child(&world, opener, guard, at == 0 ? BULLA_REPLAYED : BULLA_OK);
            }
        }
        for (at = 0; at < 2; at++)
            CHECK(children[at] > 0 && waitpid(children[at], &status, 0) == children[at] && status == 0);
        CHECK(opens(&world, opener) == BULLA_REPLAYED);
    }
    bulla_opener_free(opener);
    bulla_guard_free(guard);
    end(&world);
    printf("fork with Redis: %d rounds, %d failed checks\n", round, failures);
    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
