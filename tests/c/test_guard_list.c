/* What a durable guard shows to those who run a host. */
#include "harness.h"

static bulla_guard *guard_in_file(void)
{
    bulla_database *database = NULL;
    bulla_guard *guard = NULL;
    char path[4096];

    OK(bulla_database_open(fresh("listed", path, sizeof path), &database, &error));
    OK(bulla_guard_durable(database, NULL, &guard, &error));
    bulla_database_free(database);
    return guard;
}

/* An opener of bob's over this guard, that counts what is missing of streams. */
static bulla_opener *counting(struct world *world, const bulla_guard *guard)
{
    bulla_opener *opener = NULL;

    OK(bulla_policy_order(world->policy, BULLA_ORDER_GAPLESS, 10, 1, &error));
    OK(bulla_opener_new(world->bob, world->policy, guard, &opener, &error));
    return opener;
}

static void entries_say_what_became_of_each(void)
{
    struct world world;
    bulla_guard *guard = guard_in_file();
    bulla_guard_entry_list *list = NULL;
    bulla_message *message = NULL;
    bulla_lease *lease = NULL, *released = NULL;
    bulla_answer *again = NULL, *answer = NULL;
    FRAMED(bulla_guard_entry) entry;
    bulla_digest before_it;
    unsigned states[4] = {0, 0, 0, 0};
    size_t at;

    begin(&world);
    bulla_opener_free(world.opener);
    OK(bulla_opener_new(world.bob, world.policy, guard, &world.opener, &error));
    seal_hello(&world, NULL);
    OK(open_it(&world, world.opener, &message));
    bulla_message_free(message);
    seal_hello(&world, NULL);
    OK(lease_it(&world, &lease, &again));
    seal_hello(&world, NULL);
    OK(lease_it(&world, &released, &again));
    OK(bulla_lease_release(released, &error));
    bulla_lease_free(released);

    OK(bulla_guard_durable_entries(guard, 100, NULL, &list, &error));
    CHECK(bulla_guard_entry_list_count(list) == 3);
    memset(&before_it, 0, sizeof before_it);
    for (at = 0; at < bulla_guard_entry_list_count(list); at++) {
        FRAME(entry);
        OK(bulla_guard_entry_list_at(list, at, &entry.value, &error));
        INTACT(entry);
        CHECK(memcmp(&entry.value.signer, &world.alice_key, sizeof world.alice_key) == 0);
        CHECK(entry.value.issued > 1700000000 && entry.value.keep_until > entry.value.issued && entry.value.stranger == 0);
        CHECK(memcmp(&before_it, &entry.value.name, sizeof before_it) < 0);
        CHECK((entry.value.lease_until > 0) == (entry.value.state == BULLA_ENTRY_RESERVED));
        CHECK(entry.value.answer_length == 0);
        before_it = entry.value.name;
        if (entry.value.state < 4)
            states[entry.value.state]++;
    }
    CHECK(states[0] == 0 && states[BULLA_ENTRY_RESERVED] == 1 && states[BULLA_ENTRY_RELEASED] == 1 &&
          states[BULLA_ENTRY_COMMITTED] == 1);
    UNTOUCHED(BULLA_INVALID_INPUT, entry, bulla_guard_entry_list_at(list, 3, &entry.value, &error));
    bulla_guard_entry_list_free(list);

    /* With an answer of its own the reserved one is committed, and its length is told. */
    OK(bulla_lease_commit(lease, BULLA_OUTCOME_OWN, HELLO, sizeof HELLO, &answer, &error));
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    OK(bulla_guard_durable_entries(guard, 100, NULL, &list, &error));
    states[0] = 0;
    for (at = 0; at < bulla_guard_entry_list_count(list); at++) {
        OK(bulla_guard_entry_list_at(list, at, &entry.value, &error));
        states[0] += entry.value.answer_length == sizeof HELLO;
    }
    CHECK(states[0] == 1);
    bulla_guard_entry_list_free(list);
    bulla_guard_free(guard);
    end(&world);
}

static void lists_come_in_parts(void)
{
    struct world world;
    bulla_guard *guard = guard_in_file();
    bulla_guard_entry_list *list = NULL;
    bulla_message *message = NULL;
    bulla_guard_entry entry;
    size_t at, found = 0;

    begin(&world);
    bulla_opener_free(world.opener);
    OK(bulla_opener_new(world.bob, world.policy, guard, &world.opener, &error));
    for (at = 0; at < 5; at++) {
        seal_hello(&world, NULL);
        OK(open_it(&world, world.opener, &message));
        bulla_message_free(message);
    }
    for (;;) {
        size_t count;

        OK(bulla_guard_durable_entries(guard, 2, found == 0 ? NULL : &entry.name, &list, &error));
        count = bulla_guard_entry_list_count(list);
        if (count > 0)
            OK(bulla_guard_entry_list_at(list, count - 1, &entry, &error));
        bulla_guard_entry_list_free(list);
        found += count;
        if (count < 2)
            break;
    }
    CHECK(found == 5);
    OK(bulla_guard_durable_entries(guard, 0, NULL, &list, &error));
    CHECK(bulla_guard_entry_list_count(list) == 0);
    bulla_guard_entry_list_free(list);
    bulla_guard_free(guard);
    end(&world);
}

static void streams_are_listed_and_forgotten(void)
{
    struct world world;
    bulla_guard *guard = guard_in_file();
    bulla_guard_stream_list *list = NULL;
    bulla_message *message = NULL;
    bulla_ranges *missing = NULL;
    bulla_opener *opener;
    FRAMED(bulla_guard_stream) stream;
    uint64_t first = 0, last = 0;
    uint8_t known = 9;

    begin(&world);
    opener = counting(&world, guard);
    OK(bulla_guard_durable_streams(guard, 10, NULL, &list, &error));
    CHECK(bulla_guard_stream_list_count(list) == 0);
    UNTOUCHED(BULLA_INVALID_INPUT, stream, bulla_guard_stream_list_at(list, 0, &stream.value, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, missing, bulla_guard_stream_list_missing(list, 0, &missing, &error));
    bulla_guard_stream_list_free(list);
    OK(bulla_draft_sequence(world.draft, HELLO, sizeof HELLO, 5, &error));
    seal_hello(&world, NULL);
    OK(open_it(&world, opener, &message));
    bulla_message_free(message);

    OK(bulla_guard_durable_streams(guard, 10, NULL, &list, &error));
    CHECK(bulla_guard_stream_list_count(list) == 1);
    FRAME(stream);
    OK(bulla_guard_stream_list_at(list, 0, &stream.value, &error));
    INTACT(stream);
    CHECK(memcmp(&stream.value.signer, &world.alice_key, sizeof world.alice_key) == 0);
    CHECK(stream.value.has_greatest == 1 && stream.value.greatest == 5 && stream.value.stranger == 0);
    CHECK((stream.value.keep_until == 0) == (stream.value.stays == 1));
    OK(bulla_guard_stream_list_missing(list, 0, &missing, &error));
    bulla_guard_stream_list_free(list);
    CHECK(bulla_ranges_count(missing) == 1);
    OK(bulla_ranges_get(missing, 0, &first, &last, &error));
    CHECK(first == 1 && last == 4);
    bulla_ranges_free(missing);

    OK(bulla_guard_durable_streams(guard, 10, &stream.value.name, &list, &error));
    CHECK(bulla_guard_stream_list_count(list) == 0);
    bulla_guard_stream_list_free(list);
    OK(bulla_guard_durable_forget_stream(guard, &stream.value.name, &known, &error));
    CHECK(known == 1);
    OK(bulla_guard_durable_forget_stream(guard, &stream.value.name, &known, &error));
    CHECK(known == 0);
    OK(bulla_guard_durable_forget_stream(guard, &stream.value.name, NULL, &error));
    bulla_opener_free(opener);
    bulla_guard_free(guard);
    end(&world);
}

static void only_durable_guards_are_looked_into(void)
{
    struct world world;
    bulla_guard_entry_list *entries;
    bulla_guard_stream_list *streams;
    bulla_digest name;
    uint8_t known;

    begin(&world);
    memset(&name, 0, sizeof name);
    UNTOUCHED(BULLA_INVALID_INPUT, entries, bulla_guard_durable_entries(world.guard, 1, NULL, &entries, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, streams, bulla_guard_durable_streams(world.guard, 1, NULL, &streams, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, known, bulla_guard_durable_forget_stream(world.guard, &name, &known, &error));
    CHECK(bulla_guard_entry_list_count(NULL) == 0 && bulla_guard_stream_list_count(NULL) == 0);
    bulla_guard_entry_list_free(NULL);
    bulla_guard_stream_list_free(NULL);
    end(&world);
}

const struct test test_guard_list[] = {
    {"entries say what became of each", entries_say_what_became_of_each},
    {"lists come in parts", lists_come_in_parts},
    {"streams are listed and forgotten", streams_are_listed_and_forgotten},
    {"only durable guards are looked into", only_durable_guards_are_looked_into},
    END,
};
