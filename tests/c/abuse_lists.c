/* A durable guard that remembers something, for the functions that look into it. */
#include "abuse_world.h"

static bulla_database *file;

/* Messages of two streams are accepted, once for the whole run. */
static void fill(bulla_guard *guard)
{
    struct world world;
    bulla_opener *opener = NULL;
    size_t at;

    begin(&world);
    OK(bulla_policy_order(world.policy, BULLA_ORDER_GAPLESS, 10, 1, &error));
    OK(bulla_opener_new(world.bob, world.policy, guard, &opener, &error));
    for (at = 1; at <= 2; at++) {
        bulla_message *message = NULL;

        OK(bulla_draft_sequence(world.draft, HELLO, at, 5, &error));
        seal_hello(&world, NULL);
        OK(open_it(&world, opener, &message));
        bulla_message_free(message);
    }
    bulla_opener_free(opener);
    end(&world);
}

bulla_guard *abuse_durable_guard(void)
{
    bulla_guard *guard = NULL;
    int first = file == NULL;
    char path[4096];

    if (first)
        OK(bulla_database_open(fresh("abuse-guard", path, sizeof path), &file, &error));
    OK(bulla_guard_durable(file, NULL, &guard, &error));
    if (first)
        fill(guard);
    return guard;
}

void abuse_lists_end(void)
{
    bulla_database_free(file);
}

bulla_guard_entry_list *abuse_guard_entry_list(void)
{
    bulla_guard *guard = abuse_durable_guard();
    bulla_guard_entry_list *list = NULL;

    OK(bulla_guard_durable_entries(guard, 2, NULL, &list, &error));
    CHECK(bulla_guard_entry_list_count(list) == 2);
    bulla_guard_free(guard);
    return list;
}

bulla_guard_stream_list *abuse_guard_stream_list(void)
{
    bulla_guard *guard = abuse_durable_guard();
    bulla_guard_stream_list *list = NULL;

    OK(bulla_guard_durable_streams(guard, 2, NULL, &list, &error));
    CHECK(bulla_guard_stream_list_count(list) == 2);
    bulla_guard_free(guard);
    return list;
}
