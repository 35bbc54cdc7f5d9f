#include "harness.h"

/* What an opener with the policy as it is now says of a new message; 0 if it accepts it. */
static bulla_status judged(struct world *world)
{
    bulla_opener *opener = NULL;
    bulla_message *message = NULL;
    bulla_status status;

    OK(bulla_opener_new(world->bob, world->policy, world->guard, &opener, &error));
    seal_hello(world, NULL);
    before();
    status = open_it(world, opener, &message);
    bulla_message_free(message);
    bulla_opener_free(opener);
    return status;
}

static void a_policy_names_senders(void)
{
    struct world world;
    bulla_opener *opener;
    bulla_key nobody;

    begin(&world);
    bulla_policy_free(world.policy);
    OK(bulla_policy_new("test", &world.policy, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, opener, bulla_opener_new(world.bob, world.policy, world.guard, &opener, &error));
    OK(bulla_policy_allow(world.policy, &world.bob_key, &error));
    FAILS(BULLA_UNTRUSTED_SENDER, judged(&world));
    CHECK(error.has_signer == 1 && memcmp(&error.signer, &world.alice_key, sizeof error.signer) == 0);
    OK(bulla_policy_allow_anyone(world.policy, &error));
    OK(judged(&world));
    memset(&nobody, 0xff, sizeof nobody);
    FAILS(BULLA_INVALID_INPUT, bulla_policy_allow(world.policy, &nobody, &error));
    end(&world);
}

static void contexts_are_kept_apart(void)
{
    struct world world;

    begin(&world);
    bulla_draft_free(world.draft);
    OK(bulla_draft_new("another", &world.draft, &error));
    FAILS(BULLA_WRONG_CONTEXT, judged(&world));
    end(&world);
}

static void own_messages_are_refused(void)
{
    struct world world;

    begin(&world);
    bulla_sealer_free(world.sealer);
    OK(bulla_sealer_new(world.bob, &world.sealer, &error));
    OK(bulla_sealer_to(world.sealer, world.bob_public, &error));
    OK(bulla_policy_allow(world.policy, &world.bob_key, &error));
    FAILS(BULLA_OWN_MESSAGE, judged(&world));
    OK(bulla_policy_allow_own(world.policy, 1, &error));
    OK(judged(&world));
    end(&world);
}

static void age_and_end_are_judged(void)
{
    struct world world;
    bulla_clock *clock = NULL;

    begin(&world);
    OK(bulla_clock_fixed(1700000000, &clock, &error));
    OK(bulla_sealer_clock(world.sealer, clock, &error));
    FAILS(BULLA_TOO_OLD, judged(&world));
    OK(bulla_policy_max_age(world.policy, BULLA_NO_MAX_AGE, &error));
    FAILS(BULLA_UNBOUNDED, judged(&world));
    OK(bulla_draft_expires_at(world.draft, 1700000001, &error));
    FAILS(BULLA_EXPIRED, judged(&world));
    OK(bulla_draft_expires_at(world.draft, UINT64_C(4000000000), &error));
    OK(judged(&world));
    bulla_clock_free(clock);
    end(&world);
}

static void the_last_word_counts(void)
{
    struct world world;

    begin(&world);
    OK(bulla_policy_order(world.policy, BULLA_ORDER_MONOTONIC, 0, 0, &error));
    OK(bulla_draft_sequence(world.draft, HELLO, sizeof HELLO, 7, &error));
    OK(judged(&world));
    OK(bulla_draft_sequence(world.draft, HELLO, sizeof HELLO, 6, &error));
    FAILS(BULLA_SUPERSEDED, judged(&world));
    OK(bulla_draft_sequence(world.draft, HELLO, sizeof HELLO, 8, &error));
    OK(judged(&world));
    end(&world);
}

static void gaps_are_noticed(void)
{
    struct world world;

    begin(&world);
    FAILS(BULLA_INVALID_INPUT, bulla_policy_order(world.policy, BULLA_ORDER_GAPLESS, 0, 1, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_policy_order(world.policy, BULLA_ORDER_GAPLESS, 4097, 1, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_policy_order(world.policy, 3, 1, 1, &error));
    OK(bulla_policy_order(world.policy, BULLA_ORDER_GAPLESS, 4, 1, &error));
    OK(bulla_draft_sequence(world.draft, HELLO, sizeof HELLO, 100, &error));
    FAILS(BULLA_GAP, judged(&world));
    OK(bulla_draft_sequence(world.draft, HELLO, sizeof HELLO, 1, &error));
    OK(judged(&world));
    end(&world);
}

static void a_demanded_challenge_must_be_answered(void)
{
    struct world world;
    uint8_t challenge[32] = {1};

    begin(&world);
    OK(bulla_policy_demand_challenge(world.policy, 1, &error));
    FAILS(BULLA_WRONG_CHALLENGE, judged(&world));
    OK(bulla_draft_answers(world.draft, challenge, &error));
    FAILS(BULLA_WRONG_CHALLENGE, judged(&world));
    end(&world);
}

static void trials_are_bounded(void)
{
    struct world world;

    begin(&world);
    OK(bulla_sealer_decoys(world.sealer, 200, &error));
    OK(bulla_policy_max_trials(world.policy, 1, &error));
    CHECK(judged(&world) != BULLA_OK);
    end(&world);
}

static void a_guard_that_is_full_decides_nothing(void)
{
    bulla_guard_limits limits = {2, 0, 2, 0};
    struct world world;
    size_t dropped;

    begin(&world);
    bulla_guard_free(world.guard);
    OK(bulla_guard_in_memory(&limits, &world.guard, &error));
    OK(judged(&world));
    OK(judged(&world));
    FAILS(BULLA_GUARD_FULL, judged(&world));
    OK(bulla_guard_sweep(world.guard, UINT64_C(1) << 40, 100, &dropped, &error));
    CHECK(dropped == 2);
    end(&world);
}

const struct test test_policy[] = {
    {"a policy names senders", a_policy_names_senders},
    {"contexts are kept apart", contexts_are_kept_apart},
    {"own messages are refused", own_messages_are_refused},
    {"age and end are judged", age_and_end_are_judged},
    {"the last word counts", the_last_word_counts},
    {"gaps are noticed", gaps_are_noticed},
    {"a demanded challenge must be answered", a_demanded_challenge_must_be_answered},
    {"trials are bounded", trials_are_bounded},
    {"a guard that is full decides nothing", a_guard_that_is_full_decides_nothing},
    END,
};
