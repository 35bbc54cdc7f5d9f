#include "harness.h"

/* A durable guard and an opener over it; the database is freed at once, for they keep it. */
static bulla_opener *durable(struct world *world, const char *path, const bulla_guard_limits *limits, bulla_guard **guard)
{
    bulla_database *database = NULL;
    bulla_opener *opener = NULL;

    OK(bulla_database_open(path, &database, &error));
    OK(bulla_guard_durable(database, limits, guard, &error));
    bulla_database_free(database);
    OK(bulla_opener_new(world->bob, world->policy, *guard, &opener, &error));
    return opener;
}

static void a_durable_guard_remembers(void)
{
    struct world world;
    bulla_message *message = NULL;
    FRAMED(bulla_guard_counts) counts;
    char path[4096];
    int run;

    begin(&world);
    seal_hello(&world, NULL);
    fresh("guard", path, sizeof path);
    for (run = 0; run < 2; run++) {
        bulla_guard *guard = NULL;
        bulla_opener *opener = durable(&world, path, NULL, &guard);

        if (run == 0) {
            OK(open_it(&world, opener, &message));
            bulla_message_free(message);
        } else {
            UNTOUCHED(BULLA_REPLAYED, message, open_it(&world, opener, &message));
        }
        FRAME(counts);
        OK(bulla_guard_durable_counts(guard, &counts.value, &error));
        INTACT(counts);
        CHECK(counts.value.committed == 1 && counts.value.reserved == 0 && counts.value.file_bytes > 0);
        CHECK(counts.value.high_water > 1700000000);
        OK(bulla_guard_durable_check(guard, &error));
        bulla_guard_free(guard);
        bulla_opener_free(opener);
    }
    UNTOUCHED(BULLA_INVALID_INPUT, counts, bulla_guard_durable_counts(world.guard, &counts.value, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_guard_durable_check(world.guard, &error));
    end(&world);
}

static void what_is_no_guard_is_left_as_it_is(void)
{
    bulla_database *database;
    char path[4096], read[64] = "";
    FILE *file;

    fresh("no-guard", path, sizeof path);
    UNTOUCHED(BULLA_GUARD_UNAVAILABLE, database, bulla_database_open_existing(path, &database, &error));
    file = fopen(path, "wb");
    CHECK(file != NULL && fputs("a letter of somebody's", file) >= 0 && fclose(file) == 0);
    UNTOUCHED(BULLA_GUARD_UNAVAILABLE, database, bulla_database_open(path, &database, &error));
    file = fopen(path, "rb");
    CHECK(file != NULL && fgets(read, sizeof read, file) != NULL && strcmp(read, "a letter of somebody's") == 0);
    if (file != NULL)
        fclose(file);
    fresh("no-folder/guard", path, sizeof path);
    UNTOUCHED(BULLA_GUARD_UNAVAILABLE, database, bulla_database_open(path, &database, &error));
}

static void limits_hold(void)
{
    struct world world;
    bulla_guard_limits limits = {0, 0, 0, 0};
    bulla_guard *guard;
    bulla_opener *opener;
    bulla_message *message = NULL;
    char path[4096];

    begin(&world);
    UNTOUCHED(BULLA_INVALID_INPUT, guard, bulla_guard_in_memory(&limits, &guard, &error));
    limits.capacity = 2; /* of which one sender has half */
    opener = durable(&world, fresh("guard", path, sizeof path), &limits, &guard);
    seal_hello(&world, NULL);
    OK(open_it(&world, opener, &message));
    bulla_message_free(message);
    seal_hello(&world, NULL);
    UNTOUCHED(BULLA_GUARD_FULL, message, open_it(&world, opener, &message));
    bulla_opener_free(opener);
    bulla_guard_free(guard);
    end(&world);
}

/* A guard of callbacks that answers what it is told to, and counts how often it is asked. */
struct host {
    bulla_status code;
    uint32_t answer;
    size_t receipt_length;
    int early, claims, drops;
};

static bulla_status observe(void *context, uint64_t now, uint64_t *time)
{
    const struct host *host = context;

    *time = host->early ? now - 1 : now;
    return BULLA_OK;
}

static bulla_status claim(void *context, const bulla_claim *claimed, uint64_t now, const uint64_t *lease, uint32_t *answer,
                          uint64_t *number, bulla_buffer *receipt)
{
    struct host *host = context;
    static const uint8_t LONG[5000] = {1};

    (void)lease;
    host->claims++;
    CHECK(claimed->issued <= now + 120 && claimed->has_place == 0 && claimed->stranger == 0);
    if (host->receipt_length > 0)
        CHECK(bulla_buffer_append(receipt, LONG, host->receipt_length, NULL) == BULLA_OK);
    *answer = host->answer;
    *number = 7;
    return host->code;
}

static bulla_status commit(void *context, const bulla_lease_token *token, const uint8_t *receipt, size_t length)
{
    CHECK(token->number == 7 && receipt != NULL && length <= 4096);
    return ((struct host *)context)->code;
}

static bulla_status give_up(void *context, const bulla_lease_token *token)
{
    CHECK(token->number == 7);
    return ((struct host *)context)->code;
}

static bulla_status renew(void *context, const bulla_lease_token *token, uint64_t now, uint64_t lease)
{
    CHECK(token->number == 7 && now > 1700000000 && lease == 5);
    return ((struct host *)context)->code;
}

static void drop(void *context)
{
    ((struct host *)context)->drops++;
}

static bulla_guard_callbacks callbacks(struct host *host)
{
    bulla_guard_callbacks all;

    memset(&all, 0, sizeof all);
    all.size = sizeof all;
    all.context = host;
    all.drop = drop;
    all.observe = observe;
    all.claim = claim;
    all.commit = commit;
    all.release = give_up;
    all.renew = renew;
    return all;
}

static void callbacks_are_not_trusted(void)
{
    static const struct {
        struct host host;
        bulla_status wanted;
    } CASES[] = {
        {{BULLA_OK, BULLA_CLAIM_NEW, 0, 0, 0, 0}, BULLA_OK},
        {{BULLA_OK, BULLA_CLAIM_SAME, 0, 0, 0, 0}, BULLA_REPLAYED},
        {{BULLA_OK, BULLA_CLAIM_SAME, 4096, 0, 0, 0}, BULLA_REPLAYED},
        {{BULLA_OK, BULLA_CLAIM_REPLAYED, 0, 0, 0, 0}, BULLA_REPLAYED},
        {{BULLA_OK, BULLA_CLAIM_PENDING, 0, 0, 0, 0}, BULLA_PENDING},
        {{BULLA_GUARD_FULL, BULLA_CLAIM_NEW, 0, 0, 0, 0}, BULLA_GUARD_FULL},
        {{BULLA_GUARD_UNAVAILABLE, BULLA_CLAIM_NEW, 0, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        /* Nonsense: nothing is accepted. */
        {{BULLA_OK, 0, 0, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        {{BULLA_OK, 9, 0, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        {{BULLA_OK, UINT32_MAX, 0, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        {{BULLA_OK, BULLA_CLAIM_SAME, 4097, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        {{BULLA_OK, BULLA_CLAIM_NEW, 0, 1, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        {{BULLA_MALFORMED, BULLA_CLAIM_NEW, 0, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        {{BULLA_AGAIN, BULLA_CLAIM_NEW, 0, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        {{-1, BULLA_CLAIM_NEW, 0, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
        {{INT32_MIN, BULLA_CLAIM_NEW, 0, 0, 0, 0}, BULLA_GUARD_UNAVAILABLE},
    };
    struct world world;
    size_t at;

    begin(&world);
    for (at = 0; at < sizeof CASES / sizeof CASES[0]; at++) {
        struct host host = CASES[at].host;
        bulla_guard_callbacks all = callbacks(&host);
        bulla_guard *guard = NULL;
        bulla_opener *opener = NULL;
        bulla_message *message = NULL;
        bulla_status status;

        OK(bulla_guard_of_callbacks(&all, &guard, &error));
        OK(bulla_opener_new(world.bob, world.policy, guard, &opener, &error));
        seal_hello(&world, NULL);
        before();
        status = open_it(&world, opener, &message);
        if (status != CASES[at].wanted) {
            fprintf(stderr, "case %u: ", (unsigned)at);
            failed(__FILE__, __LINE__, "a guard of callbacks", bulla_status_name(status));
        }
        CHECK((status == BULLA_OK) == (message != NULL));
        CHECK(bulla_buffer_length(world.content) == (status == BULLA_OK ? sizeof HELLO : 0));
        bulla_message_free(message);
        bulla_guard_free(guard);
        CHECK(host.drops == 0);
        bulla_opener_free(opener);
        CHECK(host.drops == 1);
    }
    end(&world);
}

static void callbacks_may_fail_under_a_lease(void)
{
    struct world world;
    struct host host = {BULLA_OK, BULLA_CLAIM_NEW, 0, 0, 0, 0};
    bulla_guard_callbacks all = callbacks(&host);
    bulla_guard *guard = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *answer;
    size_t dropped;

    begin(&world);
    OK(bulla_guard_of_callbacks(&all, &guard, &error));
    bulla_opener_free(world.opener);
    OK(bulla_opener_new(world.bob, world.policy, guard, &world.opener, &error));
    seal_hello(&world, NULL);
    UNTOUCHED(BULLA_OK, answer, lease_it(&world, &lease, &answer));
    OK(bulla_lease_renew(lease, 5, &error));
    host.code = BULLA_LEASE_LOST;
    FAILS(BULLA_LEASE_LOST, bulla_lease_renew(lease, 5, &error));
    host.code = 12345;
    FAILS(BULLA_GUARD_UNAVAILABLE, bulla_lease_renew(lease, 5, &error));
    host.code = BULLA_SUPERSEDED;
    UNTOUCHED(BULLA_SUPERSEDED, answer, bulla_lease_commit(lease, BULLA_OUTCOME_DELIVERED, HELLO, 5, &answer, &error));
    bulla_lease_free(lease);
    /* What the host has not given cannot be asked. */
    FAILS(BULLA_GUARD_UNAVAILABLE, (host.code = 1, lease_it(&world, &lease, &answer)));
    host.code = BULLA_OK;
    {
        uint8_t challenge[32];

        UNTOUCHED(BULLA_GUARD_UNAVAILABLE, challenge, bulla_opener_challenge(world.opener, 5, challenge, &error));
    }
    OK(bulla_guard_sweep(guard, 1, 1, &dropped, &error));
    CHECK(dropped == 0);
    bulla_guard_free(guard);
    end(&world);
    CHECK(host.drops == 1);
}

static void callbacks_must_be_all_there(void)
{
    struct host host = {BULLA_OK, BULLA_CLAIM_NEW, 0, 0, 0, 0};
    bulla_guard_callbacks all = callbacks(&host);
    bulla_guard *guard;

    all.claim = NULL;
    UNTOUCHED(BULLA_INVALID_INPUT, guard, bulla_guard_of_callbacks(&all, &guard, &error));
    all = callbacks(&host);
    all.size = offsetof(bulla_guard_callbacks, renew);
    UNTOUCHED(BULLA_INVALID_INPUT, guard, bulla_guard_of_callbacks(&all, &guard, &error));
    CHECK(host.drops == 0);
}

static void a_challenge_is_answered_once(void)
{
    struct world world;
    bulla_opener *opener = NULL;
    bulla_message *message = NULL;
    struct {
        uint8_t canary[16], value[32], canary2[16];
    } challenge;

    begin(&world);
    OK(bulla_policy_demand_challenge(world.policy, 1, &error));
    OK(bulla_opener_new(world.bob, world.policy, world.guard, &opener, &error));
    FRAME(challenge);
    OK(bulla_opener_challenge(opener, 60, challenge.value, &error));
    INTACT(challenge);
    OK(bulla_draft_answers(world.draft, challenge.value, &error));
    seal_hello(&world, NULL);
    OK(open_it(&world, opener, &message));
    bulla_message_free(message);
    seal_hello(&world, NULL);
    UNTOUCHED(BULLA_WRONG_CHALLENGE, message, open_it(&world, opener, &message));
    bulla_opener_free(opener);
    end(&world);
}

static void gaps_can_be_asked_for_and_given_up(void)
{
    struct world world;
    bulla_opener *opener = NULL;
    bulla_message *message = NULL;
    bulla_ranges *missing = NULL;
    FRAMED(uint64_t) low;
    FRAMED(uint64_t) high;
    uint8_t known = 9;

    begin(&world);
    OK(bulla_policy_order(world.policy, BULLA_ORDER_GAPLESS, 10, 1, &error));
    OK(bulla_opener_new(world.bob, world.policy, world.guard, &opener, &error));
    OK(bulla_draft_sequence(world.draft, HELLO, sizeof HELLO, 5, &error));
    seal_hello(&world, NULL);
    OK(open_it(&world, opener, &message));
    OK(bulla_opener_missing(opener, bulla_message_stamp(message), &missing, &error));
    CHECK(bulla_ranges_count(missing) == 1);
    FRAME(low);
    FRAME(high);
    OK(bulla_ranges_get(missing, 0, &low.value, &high.value, &error));
    INTACT(low);
    INTACT(high);
    CHECK(low.value == 1 && high.value == 4);
    UNTOUCHED(BULLA_NOTHING, low, bulla_ranges_get(missing, 1, &low.value, &high.value, &error));
    bulla_ranges_free(missing);
    OK(bulla_opener_skip(opener, bulla_message_stamp(message), 4, &error));
    OK(bulla_opener_missing(opener, bulla_message_stamp(message), &missing, &error));
    OK(bulla_ranges_get(missing, 0, &low.value, &high.value, &error));
    CHECK(low.value == 4 && high.value == 4);
    bulla_ranges_free(missing);
    OK(bulla_opener_forget_stream(opener, bulla_message_stamp(message), &known, &error));
    CHECK(known == 1);
    OK(bulla_opener_forget_stream(opener, bulla_message_stamp(message), &known, &error));
    CHECK(known == 0);
    bulla_message_free(message);
    bulla_opener_free(opener);
    end(&world);
}

static void a_server_that_is_not_there_accepts_nothing(void)
{
    bulla_guard *guard;
    bulla_redis_settings settings;
    bulla_buffer *id = NULL;
    bulla_guard *memory = NULL;

    memset(&settings, 0, sizeof settings);
    UNTOUCHED(BULLA_INVALID_INPUT, guard, bulla_guard_redis("redis://127.0.0.1:1/", &settings, &guard, &error));
    settings.size = sizeof settings;
    settings.connect_timeout = 200;
    UNTOUCHED(bulla_has_feature("redis") ? BULLA_GUARD_UNAVAILABLE : BULLA_INVALID_INPUT, guard,
              bulla_guard_redis("redis://u:hunter2@127.0.0.1:1/", &settings, &guard, &error));
    CHECK(strstr(error.text, "hunter2") == NULL);
    OK(bulla_buffer_new(&id, &error));
    OK(bulla_guard_in_memory(NULL, &memory, &error));
    FAILS(BULLA_NOTHING, bulla_guard_store_id(memory, id, &error));
    CHECK(bulla_buffer_length(id) == 0);
    bulla_guard_free(memory);
    bulla_buffer_free(id);
}

const struct test test_guard[] = {
    {"a durable guard remembers", a_durable_guard_remembers},
    {"what is no guard is left as it is", what_is_no_guard_is_left_as_it_is},
    {"limits hold", limits_hold},
    {"callbacks are not trusted", callbacks_are_not_trusted},
    {"callbacks may fail under a lease", callbacks_may_fail_under_a_lease},
    {"callbacks must be all there", callbacks_must_be_all_there},
    {"a challenge is answered once", a_challenge_is_answered_once},
    {"gaps can be asked for and given up", gaps_can_be_asked_for_and_given_up},
    {"a server that is not there accepts nothing", a_server_that_is_not_there_accepts_nothing},
    END,
};
