/* What two processes must not go on with: the child of a fork is refused, frees what it has, and the parent is not disturbed. */
#include "harness.h"
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Does the work in a process that is forked off, which ends with how many checks failed there. */
static void in_child(void (*work)(void *context), void *context)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        failures = 0;
        work(context);
        fflush(NULL);
        /* Not an end that memcheck looks at for leaks: what the parent's functions hold nobody frees here. */
        execl("/bin/sh", "sh", "-c", failures > 0 ? "exit 1" : "exit 0", (char *)NULL);
        _exit(1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

struct carried {
    struct world world;
    bulla_seal_stream *sealing;
    bulla_lease *lease;
    bulla_store_stream *storing;
    bulla_outbox *outbox;
};

static void refuses_to_seal_on(void *context)
{
    struct carried *carried = context;
    size_t before_it = bulla_buffer_length(carried->world.envelope);

    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_update(carried->sealing, HELLO, sizeof HELLO, carried->world.envelope, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_finish(carried->sealing, carried->world.envelope, NULL, &error));
    CHECK(bulla_buffer_length(carried->world.envelope) == before_it);
    bulla_seal_stream_free(carried->sealing);
}

static void refuses_to_pad(void *context)
{
    struct carried *carried = context;

    FAILS(BULLA_WRONG_ORDER, bulla_seal_stream_pad(carried->sealing, carried->world.envelope, &error));
}

static void a_key_stream_is_one_process_own(void)
{
    struct carried carried = {0};
    bulla_message *message = NULL;
    int at;

    begin(&carried.world);
    OK(bulla_seal_stream_new(carried.world.sealer, carried.world.draft, 10, carried.world.envelope, &carried.sealing, &error));
    for (at = 0; at < 2; at++) {
        in_child(refuses_to_seal_on, &carried);
        OK(bulla_seal_stream_update(carried.sealing, HELLO, sizeof HELLO, carried.world.envelope, &error));
    }
    in_child(refuses_to_pad, &carried);
    OK(bulla_seal_stream_finish(carried.sealing, carried.world.envelope, NULL, &error));
    OK(open_it(&carried.world, carried.world.opener, &message));
    CHECK(holds(carried.world.content, "hellohello", 10));
    bulla_message_free(message);
    bulla_seal_stream_free(carried.sealing);
    end(&carried.world);
}

static void refuses_the_session(void *context)
{
    struct world *world = &((struct carried *)context)->world;

    FAILS(BULLA_SESSION_OVER, bulla_seal(world->sealer, world->draft, HELLO, sizeof HELLO, world->envelope, NULL, &error));
}

static void a_session_is_one_process_own(void)
{
    struct carried carried = {0};
    bulla_session *session = NULL;

    begin(&carried.world);
    OK(bulla_session_new(carried.world.alice, &session, &error));
    OK(bulla_sealer_session(carried.world.sealer, session, &error));
    in_child(refuses_the_session, &carried);
    seal_hello(&carried.world, NULL);
    bulla_session_free(session);
    end(&carried.world);
}

/* What only holds settings goes on in both, with a guard of the child's own. */
static void works_with_its_own(void *context)
{
    struct world *world = &((struct carried *)context)->world;
    bulla_guard *guard = NULL;
    bulla_opener *opener = NULL;
    bulla_message *message = NULL, *none;

    UNTOUCHED(BULLA_GUARD_UNAVAILABLE, none, open_it(world, world->opener, &none));
    OK(bulla_guard_in_memory(NULL, &guard, &error));
    OK(bulla_opener_new(world->bob, world->policy, guard, &opener, &error));
    seal_hello(world, NULL);
    OK(open_it(world, opener, &message));
    CHECK(holds(world->content, HELLO, sizeof HELLO));
    UNTOUCHED(BULLA_REPLAYED, none, open_it(world, opener, &none));
    bulla_message_free(message);
    bulla_opener_free(opener);
    bulla_guard_free(guard);
    end(world);
}

static void gives_up_the_lease(void *context)
{
    struct carried *carried = context;

    FAILS(BULLA_GUARD_UNAVAILABLE, bulla_lease_renew(carried->lease, 5, &error));
    bulla_lease_free(carried->lease);
}

static void a_guard_in_memory_is_one_process_own(void)
{
    struct carried carried = {0};
    bulla_answer *answer = NULL, *again;

    begin(&carried.world);
    seal_hello(&carried.world, NULL);
    in_child(works_with_its_own, &carried);
    UNTOUCHED(BULLA_OK, again, lease_it(&carried.world, &carried.lease, &again));
    in_child(gives_up_the_lease, &carried);
    OK(bulla_lease_commit(carried.lease, BULLA_OUTCOME_DELIVERED, NULL, 0, &answer, &error));
    bulla_answer_free(answer);
    bulla_lease_free(carried.lease);
    end(&carried.world);
}

/* A host's own guard may be one that processes share: freeing a lease in a child must not give it back there. */
static int released;

static bulla_status observe(void *context, uint64_t now, uint64_t *time)
{
    (void)context;
    *time = now;
    return BULLA_OK;
}

static bulla_status claim(void *context, const bulla_claim *claimed, uint64_t now, const uint64_t *lease, uint32_t *answer,
                          uint64_t *number, bulla_buffer *receipt)
{
    (void)context, (void)claimed, (void)now, (void)lease, (void)receipt;
    *answer = BULLA_CLAIM_NEW;
    *number = 1;
    return BULLA_OK;
}

static bulla_status commit(void *context, const bulla_lease_token *token, const uint8_t *receipt, size_t length)
{
    (void)context, (void)token, (void)receipt, (void)length;
    return BULLA_OK;
}

static bulla_status release(void *context, const bulla_lease_token *token)
{
    (void)context, (void)token;
    released++;
    return BULLA_OK;
}

static bulla_status renew(void *context, const bulla_lease_token *token, uint64_t now, uint64_t lease)
{
    (void)context, (void)token, (void)now, (void)lease;
    return BULLA_OK;
}

static void frees_the_lease(void *context)
{
    int before_it = released;

    bulla_lease_free(((struct carried *)context)->lease);
    CHECK(released == before_it);
}

static void a_lease_is_given_back_by_its_holder(void)
{
    struct carried carried = {0};
    bulla_guard_callbacks all;
    bulla_answer *again;

    memset(&all, 0, sizeof all);
    all.size = sizeof all;
    all.observe = observe;
    all.claim = claim;
    all.commit = commit;
    all.release = release;
    all.renew = renew;
    begin(&carried.world);
    bulla_guard_free(carried.world.guard);
    carried.world.guard = NULL;
    bulla_opener_free(carried.world.opener);
    carried.world.opener = NULL;
    OK(bulla_guard_of_callbacks(&all, &carried.world.guard, &error));
    OK(bulla_opener_new(carried.world.bob, carried.world.policy, carried.world.guard, &carried.world.opener, &error));
    seal_hello(&carried.world, NULL);
    UNTOUCHED(BULLA_OK, again, lease_it(&carried.world, &carried.lease, &again));
    released = 0;
    in_child(frees_the_lease, &carried);
    bulla_lease_free(carried.lease);
    CHECK(released == 1);
    end(&carried.world);
}

static void frees_the_store(void *context)
{
    bulla_store_stream_free(((struct carried *)context)->storing);
}

static void a_file_in_the_making_is_its_makers(void)
{
    struct carried carried = {0};
    static uint8_t content[200000];
    bulla_sent sent;
    bulla_store *store = NULL;
    bulla_answer *again;
    const uint8_t *bytes;
    size_t length;
    char folder[4096], path[4200];
    struct stat state;

    begin(&carried.world);
    seal_asking(&carried.world, BULLA_RECEIPT_STORED, content, sizeof content, &sent);
    OK(bulla_store_new(carried.world.opener, 60, &store, &error));
    CHECK(mkdir(fresh("forked", folder, sizeof folder), 0700) == 0);
    snprintf(path, sizeof path, "%s/name", folder);
    OK(bulla_store_stream_new(store, BULLA_TARGET_PATH, path, &carried.storing, &error));
    bytes = bulla_buffer_data(carried.world.envelope);
    length = bulla_buffer_length(carried.world.envelope);
    before();
    CHECK(bulla_store_stream_update(carried.storing, bytes, length / 2, &error) == BULLA_MORE);
    in_child(frees_the_store, &carried);
    before();
    CHECK(bulla_store_stream_update(carried.storing, bytes + length / 2, length - length / 2, &error) == BULLA_MORE);
    UNTOUCHED(BULLA_OK, again, bulla_store_stream_finish(carried.storing, &carried.lease, &again, &error));
    CHECK(stat(path, &state) == 0 && state.st_size == sizeof content);
    in_child(frees_the_lease, &carried);
    CHECK(stat(path, &state) == 0);
    bulla_lease_free(carried.lease);
    bulla_store_stream_free(carried.storing);
    bulla_store_free(store);
    remove(path);
    remove(folder);
    end(&carried.world);
}

static void refuses_the_file(void *context)
{
    struct carried *carried = context;
    bulla_message *none;
    bulla_entry_list *list;

    UNTOUCHED(BULLA_GUARD_UNAVAILABLE, none, open_it(&carried->world, carried->world.opener, &none));
    UNTOUCHED(BULLA_OUTBOX_UNAVAILABLE, list, bulla_outbox_list(carried->outbox, BULLA_FILTER_ALL, 10, &list, &error));
    bulla_outbox_free(carried->outbox);
    bulla_guard_free(carried->world.guard);
    carried->world.guard = NULL;
    end(&carried->world);
}

static void a_durable_file_is_opened_by_each(void)
{
    struct carried carried = {0};
    bulla_database *database = NULL;
    bulla_message *message = NULL, *none;
    bulla_entry_list *list = NULL;
    char path[4096];

    if (!bulla_has_feature("sqlite"))
        return;
    begin(&carried.world);
    bulla_guard_free(carried.world.guard);
    carried.world.guard = NULL;
    bulla_opener_free(carried.world.opener);
    carried.world.opener = NULL;
    OK(bulla_database_open(fresh("forked", path, sizeof path), &database, &error));
    OK(bulla_guard_durable(database, NULL, &carried.world.guard, &error));
    OK(bulla_outbox_new(database, NULL, &carried.outbox, &error));
    bulla_database_free(database);
    OK(bulla_opener_new(carried.world.bob, carried.world.policy, carried.world.guard, &carried.world.opener, &error));
    seal_hello(&carried.world, NULL);
    in_child(refuses_the_file, &carried);
    OK(open_it(&carried.world, carried.world.opener, &message));
    in_child(refuses_the_file, &carried);
    UNTOUCHED(BULLA_REPLAYED, none, open_it(&carried.world, carried.world.opener, &none));
    OK(bulla_outbox_list(carried.outbox, BULLA_FILTER_ALL, 10, &list, &error));
    bulla_entry_list_free(list);
    bulla_message_free(message);
    bulla_outbox_free(carried.outbox);
    end(&carried.world);
}

const struct test test_fork[] = {
    {"a key stream is one process' own", a_key_stream_is_one_process_own},
    {"a session is one process' own", a_session_is_one_process_own},
    {"a guard in memory is one process' own", a_guard_in_memory_is_one_process_own},
    {"a lease is given back by its holder", a_lease_is_given_back_by_its_holder},
    {"a file in the making is its maker's", a_file_in_the_making_is_its_makers},
    {"a durable file is opened by each process", a_durable_file_is_opened_by_each},
    END,
};
