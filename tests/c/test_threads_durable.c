/* Eight threads that share what is on the disk: database, durable guard, store, receipter and outbox. */
#include "harness.h"
#include <pthread.h>

enum { THREADS = 8, ROUNDS = 6 };

static struct world shared_world;
static pthread_barrier_t gate;
static bulla_guard *guard;
static bulla_store *store;
static bulla_receipter *receipter;
static bulla_outbox *outbox;
static const char *folder;

/* What one thread has of its own. */
struct own {
    bulla_buffer *envelope;
    bulla_draft *draft;
    bulla_sent sent;
    int bad;
};

static void send(struct own *own)
{
    bulla_letter *letter = NULL;

    bulla_buffer_clear(own->envelope);
    own->bad += bulla_seal(shared_world.sealer, own->draft, HELLO, sizeof HELLO, own->envelope, &own->sent, NULL) != BULLA_OK;
    own->bad += bulla_letter_new(&own->sent, "test", &shared_world.bob_key, 1, own->sent.issued + 1000, &letter, NULL) != BULLA_OK;
    own->bad += bulla_outbox_put(outbox, letter, bulla_buffer_data(own->envelope), bulla_buffer_length(own->envelope),
                                 own->sent.issued, NULL) != BULLA_OK;
    bulla_letter_free(letter);
}

/* Stores it, and settles with the receipt. A copy is answered as such. */
static void receive(struct own *own, bulla_status wanted)
{
    bulla_store_stream *stream = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_settled *settled = NULL;
    bulla_status status;
    bulla_view receipt;

    own->bad += bulla_store_stream_new(store, BULLA_TARGET_BY_ID, folder, &stream, NULL) != BULLA_OK;
    status = bulla_store_stream_update(stream, bulla_buffer_data(own->envelope), bulla_buffer_length(own->envelope), NULL);
    own->bad += status != BULLA_MORE && status != BULLA_OK;
    own->bad += bulla_store_stream_finish(stream, &lease, &answer, NULL) != wanted;
    if (lease != NULL)
        own->bad += bulla_receipter_accept(receipter, lease, &answer, NULL) != BULLA_OK;
    receipt = bulla_answer_receipt(answer);
    own->bad += bulla_outbox_settle(outbox, shared_world.alice, NULL, receipt.data, receipt.length, &settled, NULL) != BULLA_OK;
    own->bad += bulla_settled_is_new(settled) != (wanted == BULLA_OK);
    bulla_settled_free(settled);
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);
}

/* Looks into the guard while others use it. */
static void look(struct own *own)
{
    bulla_guard_entry_list *list = NULL;
    bulla_guard_counts counts;

    own->bad += bulla_guard_durable_entries(guard, 5, NULL, &list, NULL) != BULLA_OK;
    own->bad += bulla_guard_entry_list_count(list) == 0;
    bulla_guard_entry_list_free(list);
    own->bad += bulla_guard_durable_counts(guard, &counts, NULL) != BULLA_OK;
}

static void *work(void *context)
{
    struct own *own = context;
    int at;

    own->bad += bulla_buffer_new(&own->envelope, NULL) != BULLA_OK;
    own->bad += bulla_draft_new("test", &own->draft, NULL) != BULLA_OK;
    own->bad += bulla_draft_ask_receipts(own->draft, BULLA_RECEIPT_STORED, shared_world.alice_public, NULL) != BULLA_OK;
    pthread_barrier_wait(&gate);
    for (at = 0; at < ROUNDS && own->bad == 0; at++) {
        send(own);
        receive(own, BULLA_OK);
        receive(own, BULLA_AGAIN);
        look(own);
    }
    bulla_draft_free(own->draft);
    bulla_buffer_free(own->envelope);
    return NULL;
}

static void begin_durable(void)
{
    static char path[4096];
    bulla_database *database = NULL;
    bulla_opener *opener = NULL;

    begin(&shared_world);
    OK(bulla_database_open(fresh("threads", path, sizeof path), &database, &error));
    OK(bulla_guard_durable(database, NULL, &guard, &error));
    OK(bulla_outbox_new(database, NULL, &outbox, &error));
    bulla_database_free(database);
    OK(bulla_opener_new(shared_world.bob, shared_world.policy, guard, &opener, &error));
    OK(bulla_store_new(opener, 60, &store, &error));
    bulla_opener_free(opener);
    OK(bulla_receipter_new(shared_world.bob, &receipter, &error));
    folder = getenv("SCRATCH");
    if (folder == NULL)
        folder = ".";
}

static void what_is_on_the_disk_is_shared(void)
{
    static struct own all[THREADS];
    pthread_t threads[THREADS];
    bulla_guard_counts counts;
    int at;

    begin_durable();
    memset(all, 0, sizeof all);
    memset(&counts, 0, sizeof counts);
    pthread_barrier_init(&gate, NULL, THREADS);
    for (at = 0; at < THREADS; at++)
        CHECK(pthread_create(&threads[at], NULL, work, &all[at]) == 0);
    for (at = 0; at < THREADS; at++) {
        pthread_join(threads[at], NULL);
        CHECK(all[at].bad == 0);
    }
    pthread_barrier_destroy(&gate);
    OK(bulla_guard_durable_counts(guard, &counts, &error));
    CHECK(counts.committed == THREADS * ROUNDS && counts.reserved == 0);
    OK(bulla_guard_durable_check(guard, &error));
    bulla_outbox_free(outbox);
    bulla_receipter_free(receipter);
    bulla_store_free(store);
    bulla_guard_free(guard);
    end(&shared_world);
}

const struct test test_threads_durable[] = {
    {"what is on the disk is shared", what_is_on_the_disk_is_shared},
    END,
};
