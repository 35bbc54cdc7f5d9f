#include "harness.h"

struct fake {
    uint64_t time;
    bulla_status answer;
    int dropped;
    int write;
};

static bulla_status tell(void *context, uint64_t *now)
{
    struct fake *fake = context;

    if (fake->write)
        *now = fake->time;
    return fake->answer;
}

static void drop(void *context)
{
    ((struct fake *)context)->dropped++;
}

static void the_hosts_clock_counts(void)
{
    struct fake fake = {2000000000, BULLA_OK, 0, 1};
    struct world world;
    bulla_clock *clock = NULL;
    bulla_message *message = NULL;
    bulla_sent sent;

    begin(&world);
    OK(bulla_clock_new(tell, &fake, drop, &clock, &error));
    OK(bulla_sealer_clock(world.sealer, clock, &error));
    OK(bulla_opener_clock(world.opener, clock, &error));
    bulla_clock_free(clock);
    CHECK(fake.dropped == 0);
    OK(bulla_draft_expires_in(world.draft, 60, &error));
    seal_hello(&world, &sent);
    CHECK(sent.issued == 2000000000 && sent.has_expires == 1 && sent.expires == 2000000060);
    fake.time -= 1000;
    UNTOUCHED(BULLA_NOT_YET_VALID, message, open_it(&world, world.opener, &message));
    fake.time += 1000;
    message = NULL;
    OK(open_it(&world, world.opener, &message));
    bulla_message_free(message);
    fake.time += 60 + 121;
    UNTOUCHED(BULLA_EXPIRED, message, open_it(&world, world.opener, &message));
    end(&world);
    CHECK(fake.dropped == 1);
}

static void a_clock_that_fails_or_answers_nonsense_stops_the_call(void)
{
    static const bulla_status ANSWERS[] = {-1, 1, BULLA_IO, BULLA_REPLAYED, 99, BULLA_NOTHING, 12345, INT32_MAX, INT32_MIN};
    struct fake fake = {2000000000, BULLA_OK, 0, 1};
    struct world world;
    bulla_clock *clock = NULL;
    bulla_message *message;
    bulla_sent sent;
    size_t at;

    begin(&world);
    OK(bulla_clock_new(tell, &fake, NULL, &clock, &error));
    OK(bulla_sealer_clock(world.sealer, clock, &error));
    OK(bulla_opener_clock(world.opener, clock, &error));
    seal_hello(&world, NULL);
    for (at = 0; at < sizeof ANSWERS / sizeof ANSWERS[0]; at++) {
        fake.answer = ANSWERS[at];
        UNTOUCHED(BULLA_CLOCK_FAILED, message, open_it(&world, world.opener, &message));
        CHECK(bulla_buffer_length(world.content) == 0);
        bulla_buffer_clear(world.content);
        UNTOUCHED(BULLA_CLOCK_FAILED, sent,
                  bulla_seal(world.sealer, world.draft, HELLO, sizeof HELLO, world.content, &sent, &error));
        CHECK(bulla_buffer_length(world.content) == 0);
    }
    /* It says that it told the time, and did not: whatever time that is, the envelope is not of it. */
    fake.answer = BULLA_OK;
    fake.write = 0;
    UNTOUCHED(BULLA_NOT_YET_VALID, message, open_it(&world, world.opener, &message));
    bulla_clock_free(clock);
    end(&world);
}

static void a_clock_stands_still(void)
{
    struct world world;
    bulla_clock *clock = NULL;
    bulla_sent sent;

    begin(&world);
    OK(bulla_clock_fixed(1234567890, &clock, &error));
    OK(bulla_sealer_clock(world.sealer, clock, &error));
    seal_hello(&world, &sent);
    CHECK(sent.issued == 1234567890);
    bulla_clock_free(clock);
    end(&world);
}

static void a_clock_needs_a_function(void)
{
    struct fake fake = {0, BULLA_OK, 0, 1};
    bulla_clock *clock;

    UNTOUCHED(BULLA_INVALID_INPUT, clock, bulla_clock_new(NULL, &fake, drop, &clock, &error));
    CHECK(fake.dropped == 0);
}

const struct test test_clock[] = {
    {"the host's clock counts", the_hosts_clock_counts},
    {"a clock that fails or answers nonsense stops the call", a_clock_that_fails_or_answers_nonsense_stops_the_call},
    {"a clock stands still", a_clock_stands_still},
    {"a clock needs a function", a_clock_needs_a_function},
    END,
};
