/* What the header says several threads may use at once, and what happens where they may not. */
#include "harness.h"
#include <pthread.h>
#include <sys/stat.h>

enum { THREADS = 8, ROUNDS = 40 };

static struct world shared_world;
static pthread_barrier_t gate;

struct tally {
    int accepted, refused, other;
};

/* Seals with the shared sealer, and opens with the shared opener, with buffers of its own. */
static void *round_trips(void *context)
{
    struct tally *tally = context;
    bulla_buffer *envelope = NULL, *content = NULL;
    bulla_error own;
    int at;

    if (bulla_buffer_new(&envelope, &own) != BULLA_OK || bulla_buffer_new(&content, &own) != BULLA_OK)
        return NULL;
    pthread_barrier_wait(&gate);
    for (at = 0; at < ROUNDS; at++) {
        bulla_message *message = NULL;
        bulla_status status;
        int again;

        bulla_buffer_clear(envelope);
        status = bulla_seal(shared_world.sealer, shared_world.draft, HELLO, sizeof HELLO, envelope, NULL, &own);
        for (again = 0; status == BULLA_OK && again < 2; again++) {
            bulla_buffer_clear(content);
            status = bulla_open(shared_world.opener, bulla_buffer_data(envelope), bulla_buffer_length(envelope), content,
                                &message, &own);
            if (status == BULLA_OK && bulla_buffer_length(content) == sizeof HELLO)
                tally->accepted++;
            bulla_message_free(message);
            message = NULL;
        }
        if (status == BULLA_REPLAYED)
            tally->refused++;
        else
            tally->other++;
    }
    bulla_buffer_free(envelope);
    bulla_buffer_free(content);
    return NULL;
}

static void sealer_draft_opener_and_guard_are_shared(void)
{
    pthread_t threads[THREADS];
    struct tally tallies[THREADS];
    int at;

    begin(&shared_world);
    memset(tallies, 0, sizeof tallies);
    pthread_barrier_init(&gate, NULL, THREADS);
    for (at = 0; at < THREADS; at++)
        CHECK(pthread_create(&threads[at], NULL, round_trips, &tallies[at]) == 0);
    for (at = 0; at < THREADS; at++) {
        pthread_join(threads[at], NULL);
        CHECK(tallies[at].accepted == ROUNDS && tallies[at].refused == ROUNDS && tallies[at].other == 0);
    }
    pthread_barrier_destroy(&gate);
    end(&shared_world);
}

/* All threads open the same envelope: exactly one may have it. A buffer is for one thread at a time, what is in it is not. */
static const uint8_t *same_envelope;
static size_t same_length;

static void *one_claim(void *context)
{
    struct tally *tally = context;
    bulla_buffer *content = NULL;
    bulla_message *message = NULL;
    bulla_status status;

    if (bulla_buffer_new(&content, NULL) != BULLA_OK)
        return NULL;
    pthread_barrier_wait(&gate);
    status = bulla_open(shared_world.opener, same_envelope, same_length, content, &message, NULL);
    tally->accepted = status == BULLA_OK;
    tally->refused = status == BULLA_REPLAYED;
    bulla_message_free(message);
    bulla_buffer_free(content);
    return NULL;
}

static void one_of_many_has_the_message(void)
{
    pthread_t threads[THREADS];
    struct tally tallies[THREADS];
    int at, round, accepted;

    begin(&shared_world);
    pthread_barrier_init(&gate, NULL, THREADS);
    for (round = 0; round < 20; round++) {
        memset(tallies, 0, sizeof tallies);
        seal_hello(&shared_world, NULL);
        same_envelope = bulla_buffer_data(shared_world.envelope);
        same_length = bulla_buffer_length(shared_world.envelope);
        for (at = 0; at < THREADS; at++)
            CHECK(pthread_create(&threads[at], NULL, one_claim, &tallies[at]) == 0);
        for (accepted = 0, at = 0; at < THREADS; at++) {
            pthread_join(threads[at], NULL);
            accepted += tallies[at].accepted;
            CHECK(tallies[at].accepted + tallies[at].refused == 1);
        }
        CHECK(accepted == 1);
    }
    pthread_barrier_destroy(&gate);
    end(&shared_world);
}

/* Identities and policies are shared by threads that make and change their own things with them, and change the shared. */
static void *many_makings(void *context)
{
    int *bad = context;
    int at;

    pthread_barrier_wait(&gate);
    for (at = 0; at < ROUNDS; at++) {
        bulla_public *other = NULL;
        bulla_sealer *sealer = NULL;
        bulla_opener *opener = NULL;

        *bad += bulla_identity_public(shared_world.alice, &other, NULL) != BULLA_OK;
        *bad += bulla_sealer_new(shared_world.alice, &sealer, NULL) != BULLA_OK;
        *bad += bulla_sealer_to(sealer, shared_world.bob_public, NULL) != BULLA_OK;
        *bad += bulla_draft_expires_in(shared_world.draft, 1000, NULL) != BULLA_OK;
        *bad += bulla_policy_allow(shared_world.policy, &shared_world.alice_key, NULL) != BULLA_OK;
        *bad += bulla_sealer_decoys(shared_world.sealer, 1, NULL) != BULLA_OK;
        *bad += bulla_opener_new(shared_world.bob, shared_world.policy, shared_world.guard, &opener, NULL) != BULLA_OK;
        *bad += bulla_guard_sweep(shared_world.guard, 1, 10, NULL, NULL) != BULLA_OK;
        bulla_public_free(other);
        bulla_sealer_free(sealer);
        bulla_opener_free(opener);
    }
    return NULL;
}

static void handles_marked_any_are_changed_by_all(void)
{
    pthread_t threads[THREADS];
    int bad[THREADS] = {0};
    int at;

    begin(&shared_world);
    pthread_barrier_init(&gate, NULL, THREADS);
    for (at = 0; at < THREADS; at++)
        CHECK(pthread_create(&threads[at], NULL, many_makings, &bad[at]) == 0);
    for (at = 0; at < THREADS; at++) {
        pthread_join(threads[at], NULL);
        CHECK(bad[at] == 0);
    }
    pthread_barrier_destroy(&gate);
    end(&shared_world);
}

static bulla_seal_stream *shared_stream;

/* Misuse: one stream, many threads. Each call is done or refused, and nothing is torn. */
static void *misuse(void *context)
{
    static const uint8_t PIECE[20000];
    struct tally *tally = context;
    bulla_buffer *envelope = NULL;
    int at;

    if (bulla_buffer_new(&envelope, NULL) != BULLA_OK)
        return NULL;
    pthread_barrier_wait(&gate);
    for (at = 0; at < ROUNDS; at++) {
        bulla_status status = bulla_seal_stream_update(shared_stream, PIECE, sizeof PIECE, envelope, NULL);

        tally->accepted += status == BULLA_OK;
        tally->refused += status == BULLA_WRONG_ORDER;
        tally->other += status != BULLA_OK && status != BULLA_WRONG_ORDER;
    }
    bulla_buffer_free(envelope);
    return NULL;
}

static void a_stream_used_by_many_refuses(void)
{
    pthread_t threads[THREADS];
    struct tally tallies[THREADS];
    int at, accepted = 0, refused_calls = 0;

    begin(&shared_world);
    memset(tallies, 0, sizeof tallies);
    OK(bulla_seal_stream_new(shared_world.sealer, shared_world.draft, BULLA_LENGTH_UNKNOWN, shared_world.envelope, &shared_stream,
                             &error));
    pthread_barrier_init(&gate, NULL, THREADS);
    for (at = 0; at < THREADS; at++)
        CHECK(pthread_create(&threads[at], NULL, misuse, &tallies[at]) == 0);
    for (at = 0; at < THREADS; at++) {
        pthread_join(threads[at], NULL);
        CHECK(tallies[at].other == 0);
        accepted += tallies[at].accepted;
        refused_calls += tallies[at].refused;
    }
    CHECK(accepted + refused_calls == THREADS * ROUNDS && accepted > 0);
    OK(bulla_seal_stream_finish(shared_stream, shared_world.envelope, NULL, &error));
    bulla_seal_stream_free(shared_stream);
    pthread_barrier_destroy(&gate);
    end(&shared_world);
}

/* All threads name and finish what found its name taken: exactly one has it. */
static bulla_store_stream *shared_store_stream;
static char shared_free[4200];

static void *name_it(void *context)
{
    struct tally *tally = context;
    int at;

    pthread_barrier_wait(&gate);
    for (at = 0; at < ROUNDS; at++) {
        bulla_lease *lease = NULL;
        bulla_answer *again = NULL;
        bulla_status status = bulla_store_stream_retarget(shared_store_stream, BULLA_TARGET_PATH, shared_free, NULL);

        tally->other += status != BULLA_OK && status != BULLA_WRONG_ORDER;
        /* What it points to may end meanwhile. */
        (void)bulla_store_stream_stamp(shared_store_stream);
        status = bulla_store_stream_finish(shared_store_stream, &lease, &again, NULL);
        tally->accepted += status == BULLA_OK;
        tally->refused += status == BULLA_WRONG_ORDER || status == BULLA_NAME_TAKEN;
        tally->other += (lease != NULL) != (status == BULLA_OK) || again != NULL;
        bulla_lease_free(lease); /* which removes the file */
    }
    return NULL;
}

static void one_of_many_names_what_is_stored(void)
{
    pthread_t threads[THREADS];
    struct tally tallies[THREADS];
    char folder[4096], taken[4200];
    bulla_store *store = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    FILE *other;
    int at, accepted = 0, refused_calls = 0;

    begin(&shared_world);
    memset(tallies, 0, sizeof tallies);
    seal_hello(&shared_world, NULL);
    fresh("folder", folder, sizeof folder);
    CHECK(mkdir(folder, 0700) == 0);
    snprintf(taken, sizeof taken, "%s/taken", folder);
    snprintf(shared_free, sizeof shared_free, "%s/free", folder);
    other = fopen(taken, "wb");
    CHECK(other != NULL && fclose(other) == 0);
    OK(bulla_store_new(shared_world.opener, 60, &store, &error));
    OK(bulla_store_stream_new(store, BULLA_TARGET_PATH, taken, &shared_store_stream, &error));
    CHECK(bulla_store_stream_update(shared_store_stream, bulla_buffer_data(shared_world.envelope),
                                    bulla_buffer_length(shared_world.envelope), NULL) == BULLA_MORE);
    FAILS(BULLA_NAME_TAKEN, bulla_store_stream_finish(shared_store_stream, &lease, &again, &error));
    pthread_barrier_init(&gate, NULL, THREADS);
    for (at = 0; at < THREADS; at++)
        CHECK(pthread_create(&threads[at], NULL, name_it, &tallies[at]) == 0);
    for (at = 0; at < THREADS; at++) {
        pthread_join(threads[at], NULL);
        CHECK(tallies[at].other == 0);
        accepted += tallies[at].accepted;
        refused_calls += tallies[at].refused;
    }
    CHECK(accepted <= 1 && accepted + refused_calls == THREADS * ROUNDS);
    /* Each may have met another one each time. */
    if (accepted == 0) {
        OK(bulla_store_stream_retarget(shared_store_stream, BULLA_TARGET_PATH, shared_free, &error));
        OK(bulla_store_stream_finish(shared_store_stream, &lease, &again, &error));
        bulla_lease_free(lease);
    }
    FAILS(BULLA_WRONG_ORDER, bulla_store_stream_finish(shared_store_stream, &lease, &again, &error));
    bulla_store_stream_free(shared_store_stream);
    bulla_store_free(store);
    CHECK(remove(taken) == 0 && remove(folder) == 0);
    pthread_barrier_destroy(&gate);
    end(&shared_world);
}

/* A handle that the call around is using: the clock of a sealer is asked while the buffer is held. */
static bulla_buffer *held;
static bulla_status meanwhile;

static bulla_status meddle(void *context, uint64_t *now)
{
    (void)context;
    *now = 2000000000;
    meanwhile = bulla_public_line(shared_world.bob_public, held, NULL);
    return BULLA_OK;
}

static void a_callback_cannot_use_what_is_in_use(void)
{
    bulla_clock *clock = NULL;

    begin(&shared_world);
    held = shared_world.envelope;
    meanwhile = BULLA_OK;
    OK(bulla_clock_new(meddle, NULL, NULL, &clock, &error));
    OK(bulla_sealer_clock(shared_world.sealer, clock, &error));
    seal_hello(&shared_world, NULL);
    CHECK(meanwhile == BULLA_WRONG_ORDER);
    bulla_clock_free(clock);
    end(&shared_world);
}

const struct test test_threads[] = {
    {"sealer, draft, opener and guard are shared", sealer_draft_opener_and_guard_are_shared},
    {"one of many has the message", one_of_many_has_the_message},
    {"handles marked any are changed by all", handles_marked_any_are_changed_by_all},
    {"a stream used by many refuses", a_stream_used_by_many_refuses},
    {"one of many names what is stored", one_of_many_names_what_is_stored},
    {"a callback cannot use what is in use", a_callback_cannot_use_what_is_in_use},
    END,
};
