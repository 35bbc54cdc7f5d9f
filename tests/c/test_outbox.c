#include "harness.h"

static bulla_outbox *outbox_in_file(void)
{
    bulla_database *database = NULL;
    bulla_outbox *outbox = NULL;
    bulla_backoff backoff = {60, 600};
    char path[4096];

    OK(bulla_database_open(fresh("outbox", path, sizeof path), &database, &error));
    OK(bulla_outbox_new(database, &backoff, &outbox, &error));
    bulla_database_free(database);
    return outbox;
}

/* A letter to bob about what world->envelope holds, which delivery settles. */
static bulla_letter *letter_to_bob(struct world *world, bulla_sent *sent)
{
    bulla_letter *letter = NULL;

    seal_asking(world, BULLA_RECEIPT_DELIVERED, HELLO, sizeof HELLO, sent);
    OK(bulla_letter_new(sent, "test", &world->bob_key, 1, sent->issued + 1000, &letter, &error));
    OK(bulla_letter_until_delivered(letter, &error));
    OK(bulla_letter_note(letter, "to bob", &error));
    return letter;
}

/* The state of the one entry of a message, and what the outbox says of it. */
static uint32_t state_of(const bulla_outbox *outbox, const bulla_sent *sent, bulla_outbox_entry *entry)
{
    bulla_entry_list *list = NULL;

    memset(entry, 0, sizeof *entry);
    OK(bulla_outbox_of_message(outbox, &sent->message_id, &list, &error));
    CHECK(bulla_entry_list_count(list) == 1);
    OK(bulla_entry_list_at(list, 0, entry, &error));
    CHECK(view_is(entry->note, "to bob", 6) && view_is(entry->context, "test", 4));
    bulla_entry_list_free(list);
    return entry->state;
}

static size_t listed(const bulla_outbox *outbox, uint32_t filter)
{
    bulla_entry_list *list = NULL;
    size_t count;

    OK(bulla_outbox_list(outbox, filter, 10, &list, &error));
    count = bulla_entry_list_count(list);
    bulla_entry_list_free(list);
    return count;
}

/* Sends what is due, once, and gives what bob's receipt says. */
static void send_due(struct world *world, const bulla_outbox *outbox, uint64_t now, bulla_buffer *receipt)
{
    bulla_due_list *list = NULL, *taken = NULL;
    bulla_due due, none;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_receipter *receipter = NULL;
    bulla_view told;

    memset(&due, 0, sizeof due);
    OK(bulla_outbox_due(outbox, now, 10, &list, &error));
    CHECK(bulla_due_list_count(list) == 1);
    OK(bulla_due_list_at(list, 0, &due, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, none, bulla_due_list_at(list, 1, &none, &error));
    CHECK(view_is(due.note, "to bob", 6) && due.attempts == 1);
    OK(bulla_outbox_taken(outbox, &due.header_digest, &taken, &error));
    CHECK(bulla_due_list_count(taken) == 1);
    bulla_due_list_free(taken);
    bulla_buffer_clear(world->envelope);
    OK(bulla_outbox_envelope(outbox, &due.header_digest, world->envelope, &error));
    OK(bulla_outbox_mark_sent(outbox, list, 0, now, &error));
    bulla_due_list_free(list);
    OK(bulla_outbox_due(outbox, now, 10, &list, &error));
    CHECK(bulla_due_list_count(list) == 0);
    bulla_due_list_free(list);

    OK(lease_it(world, &lease, &answer));
    OK(bulla_receipter_new(world->bob, &receipter, &error));
    OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    told = bulla_answer_receipt(answer);
    OK(bulla_buffer_append(receipt, told.data, told.length, &error));
    bulla_answer_free(answer);
    bulla_receipter_free(receipter);
    bulla_lease_free(lease);
}

static void what_is_sent_is_settled_once(void)
{
    struct world world;
    bulla_outbox *outbox = outbox_in_file();
    bulla_letter *letter;
    bulla_buffer *receipt = NULL;
    bulla_settled *settled = NULL;
    bulla_sent_list *every = NULL;
    bulla_outbox_entry entry;
    bulla_sent sent;
    size_t forgotten = 9;
    int round;

    begin(&world);
    OK(bulla_buffer_new(&receipt, &error));
    letter = letter_to_bob(&world, &sent);
    OK(bulla_outbox_put(outbox, letter, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope), sent.issued, &error));
    bulla_letter_free(letter);
    CHECK(state_of(outbox, &sent, &entry) == BULLA_OUTBOX_WAITING && listed(outbox, BULLA_FILTER_WAITING) == 1);
    send_due(&world, outbox, sent.issued, receipt);
    for (round = 0; round < 2; round++) {
        OK(bulla_outbox_settle(outbox, world.alice, NULL, bulla_buffer_data(receipt), bulla_buffer_length(receipt), &settled, &error));
        CHECK(bulla_settled_is_new(settled) == (round == 0));
        CHECK(bulla_receipt_status(bulla_settled_receipt(settled)) == BULLA_STATUS_DELIVERED);
        OK(bulla_settled_entry(settled, &entry, &error));
        CHECK(entry.state == BULLA_OUTBOX_SETTLED && entry.told.length > 0 && entry.proof.length > 0);
        bulla_settled_free(settled);
    }
    CHECK(listed(outbox, BULLA_FILTER_SETTLED) == 1 && listed(outbox, BULLA_FILTER_WAITING) == 0);
    UNTOUCHED(BULLA_NOT_FOR_ME, settled,
              bulla_outbox_settle(outbox, world.bob, NULL, bulla_buffer_data(receipt), bulla_buffer_length(receipt), &settled, &error));
    OK(bulla_outbox_sent(outbox, &sent.message_id, &every, &error));
    CHECK(bulla_sent_list_count(every) == 1 && memcmp(bulla_sent_list_items(every), &sent, sizeof sent) == 0);
    bulla_sent_list_free(every);
    OK(bulla_outbox_forget(outbox, UINT64_C(1) << 40, &forgotten, &error));
    CHECK(forgotten == 1 && listed(outbox, BULLA_FILTER_ALL) == 0);
    OK(bulla_outbox_clean(outbox, &error));
    bulla_buffer_free(receipt);
    bulla_outbox_free(outbox);
    end(&world);
}

static void nobody_answers(void)
{
    struct world world;
    bulla_outbox *outbox = outbox_in_file();
    bulla_letter *letter;
    bulla_outgoing *outgoing = NULL;
    bulla_outbox_reader *reader = NULL;
    bulla_entry_list *list = NULL;
    bulla_outbox_entry entry;
    bulla_sent sent;
    bulla_buffer *back = NULL;
    bulla_status status;
    size_t half;

    begin(&world);
    letter = letter_to_bob(&world, &sent);
    half = bulla_buffer_length(world.envelope) / 2;
    /* What is begun and not committed is not there. */
    OK(bulla_outbox_begin(outbox, &outgoing, &error));
    OK(bulla_outgoing_write(outgoing, bulla_buffer_data(world.envelope), half, &error));
    bulla_outgoing_free(outgoing);
    CHECK(listed(outbox, BULLA_FILTER_ALL) == 0);
    OK(bulla_outbox_begin(outbox, &outgoing, &error));
    OK(bulla_outgoing_write(outgoing, bulla_buffer_data(world.envelope), half, &error));
    OK(bulla_outgoing_write(outgoing, bulla_buffer_data(world.envelope) + half, bulla_buffer_length(world.envelope) - half, &error));
    OK(bulla_outgoing_commit(outgoing, letter, sent.issued, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_outgoing_commit(outgoing, letter, sent.issued, &error));
    bulla_outgoing_free(outgoing);
    bulla_letter_free(letter);

    OK(bulla_buffer_new(&back, &error));
    OK(bulla_outbox_reader_new(outbox, &sent.header_digest, &reader, &error));
    do
        status = bulla_outbox_reader_read(reader, 100, back, &error);
    while (status == BULLA_OK);
    CHECK(status == BULLA_NOTHING);
    CHECK(holds(back, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope)));
    bulla_outbox_reader_free(reader);
    bulla_buffer_free(back);

    OK(bulla_outbox_give_up(outbox, sent.issued + 999, &list, &error));
    CHECK(bulla_entry_list_count(list) == 0);
    bulla_entry_list_free(list);
    OK(bulla_outbox_give_up(outbox, sent.issued + 1001, &list, &error));
    CHECK(bulla_entry_list_count(list) == 1);
    bulla_entry_list_free(list);
    OK(bulla_outbox_give_up(outbox, sent.issued + 1001, &list, &error)); /* It is told once. */
    CHECK(bulla_entry_list_count(list) == 0);
    bulla_entry_list_free(list);
    CHECK(state_of(outbox, &sent, &entry) == BULLA_OUTBOX_GIVEN_UP && listed(outbox, BULLA_FILTER_FAILED) == 1);
    UNTOUCHED(BULLA_INVALID_INPUT, list, bulla_outbox_list(outbox, 99, 1, &list, &error));
    bulla_outbox_free(outbox);
    end(&world);
}

const struct test test_outbox[] = {
    {"what is sent is settled once", what_is_sent_is_settled_once},
    {"nobody answers", nobody_answers},
    END,
};
