#include "harness.h"

static void a_committed_lease_is_answered_again(void)
{
    struct world world;
    bulla_lease *lease = NULL, *none;
    bulla_answer *answer = NULL, *again = NULL;

    begin(&world);
    seal_hello(&world, NULL);
    UNTOUCHED(BULLA_OK, again, lease_it(&world, &lease, &again));
    CHECK(holds(world.content, HELLO, sizeof HELLO));
    CHECK(bulla_lease_kind(lease) == BULLA_LEASE_MESSAGE && bulla_lease_stamp(lease) != NULL);
    CHECK(bulla_lease_path(lease).data == NULL && bulla_lease_path(lease).length == 0);
    CHECK(bulla_lease_was_there(lease) == 0 && bulla_lease_was_there(NULL) == 0);
    UNTOUCHED(BULLA_PENDING, none, lease_it(&world, &none, &again));
    CHECK(bulla_buffer_length(world.content) == 0);
    OK(bulla_lease_renew(lease, 100, &error));
    OK(bulla_lease_commit(lease, 200, HELLO, 3, &answer, &error));
    CHECK(bulla_answer_outcome(answer) == 200 && view_is(bulla_answer_receipt(answer), "hel", 3));
    CHECK(bulla_message_is_fresh(bulla_answer_message(answer)) == 1);
    /* It has ended. */
    CHECK(bulla_lease_kind(lease) == 0 && bulla_lease_stamp(lease) == NULL);
    FAILS(BULLA_WRONG_ORDER, bulla_lease_renew(lease, 1, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_lease_release(lease, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, again, bulla_lease_commit(lease, 200, NULL, 0, &again, &error));
    bulla_lease_free(lease);
    UNTOUCHED(BULLA_AGAIN, none, lease_it(&world, &none, &again));
    CHECK(bulla_buffer_length(world.content) == 0 && bulla_answer_message(again) == NULL);
    CHECK(bulla_answer_outcome(again) == 200 && view_is(bulla_answer_receipt(again), "hel", 3));
    bulla_answer_free(again);
    bulla_answer_free(answer);
    end(&world);
}

static void what_is_released_or_freed_comes_again(void)
{
    struct world world;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;

    begin(&world);
    seal_hello(&world, NULL);
    OK(lease_it(&world, &lease, &answer));
    OK(bulla_lease_release(lease, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, answer, bulla_lease_commit(lease, 200, NULL, 0, &answer, &error));
    bulla_lease_free(lease);
    OK(lease_it(&world, &lease, &answer));
    bulla_lease_free(lease);
    OK(lease_it(&world, &lease, &answer));
    /* It outlives what it was made with. */
    bulla_opener_free(world.opener);
    world.opener = NULL;
    OK(bulla_lease_commit(lease, BULLA_OUTCOME_DELIVERED, NULL, 0, &answer, &error));
    CHECK(bulla_answer_outcome(answer) == BULLA_OUTCOME_DELIVERED && bulla_answer_receipt(answer).length == 0);
    bulla_lease_free(lease);
    bulla_answer_free(answer);
    end(&world);
}

static void an_answer_that_is_not_acceptable_commits_nothing(void)
{
    static const uint8_t LONG[4096] = {0};
    static const struct {
        uint32_t number;
        size_t length;
    } CASES[] = {{0, 0}, {4, 0}, {127, 0}, {256, 0}, {UINT32_MAX, 0}, {200, 4096}};
    struct world world;
    size_t at;

    begin(&world);
    seal_hello(&world, NULL);
    for (at = 0; at < sizeof CASES / sizeof CASES[0]; at++) {
        bulla_lease *lease = NULL;
        bulla_answer *answer = NULL;

        OK(lease_it(&world, &lease, &answer));
        UNTOUCHED(BULLA_INVALID_INPUT, answer,
                  bulla_lease_commit(lease, CASES[at].number, LONG, CASES[at].length, &answer, &error));
        bulla_lease_free(lease);
    }
    end(&world);
}

static void a_lease_that_ran_out_is_lost(void)
{
    struct world world;
    bulla_clock *clock = NULL;
    bulla_opener *late = NULL;
    bulla_lease *lease = NULL, *other = NULL;
    bulla_answer *answer = NULL;
    bulla_sent sent;

    begin(&world);
    seal_hello(&world, &sent);
    OK(lease_it(&world, &lease, &answer));
    OK(bulla_clock_fixed(sent.issued + 1000, &clock, &error));
    OK(bulla_opener_new(world.bob, world.policy, world.guard, &late, &error));
    OK(bulla_opener_clock(late, clock, &error));
    bulla_opener_free(world.opener);
    world.opener = late;
    OK(lease_it(&world, &other, &answer));
    FAILS(BULLA_LEASE_LOST, bulla_lease_renew(lease, 10, &error));
    UNTOUCHED(BULLA_LEASE_LOST, answer, bulla_lease_commit(lease, 200, NULL, 0, &answer, &error));
    OK(bulla_lease_commit(other, 201, NULL, 0, &answer, &error));
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    bulla_lease_free(other);
    bulla_clock_free(clock);
    end(&world);
}

static void a_stream_ends_with_a_lease_or_is_refused(void)
{
    static const uint8_t LONG[200000] = {0};
    struct world world;
    bulla_open_stream *stream = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    size_t length;

    begin(&world);
    seal_hello(&world, NULL);
    length = bulla_buffer_length(world.envelope);
    OK(bulla_open_stream_new(world.opener, &stream, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, lease, bulla_open_stream_refuse_leased(stream, 60, &lease, &answer, &error));
    bulla_open_stream_free(stream);

    OK(bulla_open_stream_new(world.opener, &stream, &error));
    OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), length, world.content, &error));
    OK(bulla_open_stream_finish_leased(stream, 60, world.content, &lease, &answer, &error));
    CHECK(holds(world.content, HELLO, sizeof HELLO));
    OK(bulla_lease_release(lease, &error));
    bulla_lease_free(lease);
    bulla_open_stream_free(stream);

    /* Refused by its stamp, as soon as that is there. */
    seal_asking(&world, BULLA_RECEIPT_REJECTED, LONG, sizeof LONG, NULL);
    OK(bulla_open_stream_new(world.opener, &stream, &error));
    OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), sizeof LONG / 2, world.content, &error));
    CHECK(bulla_open_stream_stamp(stream) != NULL);
    OK(bulla_open_stream_refuse_leased(stream, 60, &lease, &answer, &error));
    bulla_open_stream_free(stream);
    CHECK(bulla_lease_kind(lease) == BULLA_LEASE_REFUSED);
    UNTOUCHED(BULLA_INVALID_INPUT, answer, bulla_lease_commit(lease, BULLA_OUTCOME_DELIVERED, NULL, 0, &answer, &error));
    bulla_lease_free(lease);
    OK(lease_it(&world, &lease, &answer));
    bulla_lease_free(lease);
    end(&world);
}

const struct test test_lease[] = {
    {"a committed lease is answered again", a_committed_lease_is_answered_again},
    {"what is released or freed comes again", what_is_released_or_freed_comes_again},
    {"an answer that is not acceptable commits nothing", an_answer_that_is_not_acceptable_commits_nothing},
    {"a lease that ran out is lost", a_lease_that_ran_out_is_lost},
    {"a stream ends with a lease or is refused", a_stream_ends_with_a_lease_or_is_refused},
    END,
};
