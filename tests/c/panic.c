/*
 * Is a panic contained in the library as it is shipped? The clock of the system fails, which Rust's standard library takes for a
 * defect: it panics, in the middle of what the library does. Linked with --wrap=clock_gettime, and the static library.
 */
#include "harness.h"
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

int __real_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);

static int is_broken, panics;

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
    if (!is_broken)
        return __real_clock_gettime(id, now);
    errno = EINVAL;
    return -1;
}

/* A call that meets the panic: its code, which nothing else has, and its text. */
#define PANICS(call) (is_broken = 1, FAILS(BULLA_INTERNAL, call), is_broken = 0, panics++)

static bulla_status tell(void *context, uint64_t *now)
{
    (void)context;
    *now = 2000000000;
    return BULLA_OK;
}

/* A buffer that a panic met can only be freed, and shows nothing. */
static void another(bulla_buffer **buffer)
{
    CHECK(bulla_buffer_length(*buffer) == 0);
    FAILS(BULLA_WRONG_ORDER, bulla_buffer_append(*buffer, HELLO, 1, &error));
    bulla_buffer_free(*buffer);
    OK(bulla_buffer_new(buffer, &error));
}

/* With a clock of the host's what fails is not asked at the beginning, but deep inside. */
static void with_the_hosts_clock(struct world *world)
{
    bulla_clock *clock = NULL;

    OK(bulla_clock_new(tell, NULL, NULL, &clock, &error));
    OK(bulla_sealer_clock(world->sealer, clock, &error));
    OK(bulla_opener_clock(world->opener, clock, &error));
    bulla_clock_free(clock);
}

static void a_whole_envelope(void)
{
    FRAMED(bulla_sent) sent;
    struct world world;
    bulla_message *message = NULL;

    begin(&world);
    FRAME(sent);
    PANICS(bulla_seal(world.sealer, world.draft, HELLO, sizeof HELLO, world.envelope, &sent.value, &error));
    INTACT(sent);
    still(__FILE__, __LINE__, "sent", &sent.value, sizeof sent.value);
    another(&world.envelope);
    seal_hello(&world, NULL);
    PANICS(open_it(&world, world.opener, &message));
    CHECK(message == NULL);
    another(&world.content);
    /* It was not claimed. */
    OK(open_it(&world, world.opener, &message));
    bulla_message_free(message);
    end(&world);
}

static void a_stream(void)
{
    struct world world;
    bulla_open_stream *stream = NULL;
    bulla_message *message = NULL;

    begin(&world);
    seal_hello(&world, NULL);
    OK(bulla_open_stream_new(world.opener, &stream, &error));
    bulla_buffer_clear(world.content);
    OK(bulla_open_stream_update_provisional(stream, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope),
                                            world.content, &error));
    PANICS(bulla_open_stream_finish(stream, world.content, &message, &error));
    CHECK(bulla_buffer_length(world.content) == 0);
    bulla_buffer_free(world.content);
    OK(bulla_buffer_new(&world.content, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_open_stream_update_provisional(stream, HELLO, 1, world.content, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_open_stream_finish(stream, world.content, &message, &error));
    CHECK(message == NULL && bulla_buffer_length(world.content) == 0);
    bulla_open_stream_free(stream);
    end(&world);
}

static void a_store(void)
{
    static const char NAME[] = "panic.stored";
    struct world world;
    struct stat is;
    bulla_store *store = NULL;
    bulla_store_stream *stream = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    int turn;

    begin(&world);
    with_the_hosts_clock(&world);
    seal_hello(&world, NULL);
    remove(scratch(NAME));
    OK(bulla_store_new(world.opener, 60, &store, &error));
    for (turn = 0; turn < 2; turn++) {
        OK(bulla_store_stream_new(store, BULLA_TARGET_PATH, scratch(NAME), &stream, &error));
        CHECK(bulla_store_stream_update(stream, bulla_buffer_data(world.envelope), bulla_buffer_length(world.envelope), &error) ==
              BULLA_MORE);
        if (turn == 0) {
            PANICS(bulla_store_stream_finish(stream, &lease, &again, &error));
            FAILS(BULLA_WRONG_ORDER, bulla_store_stream_finish(stream, &lease, &again, &error));
            CHECK(lease == NULL && again == NULL);
        } else {
            /* The reservation went with the panic. */
            OK(bulla_store_stream_finish(stream, &lease, &again, &error));
            CHECK(stat(scratch(NAME), &is) == 0 && is.st_size == sizeof HELLO);
        }
        bulla_store_stream_free(stream);
    }
    bulla_lease_free(lease);
    bulla_store_free(store);
    remove(scratch(NAME));
    end(&world);
}

/* What several handles share goes on: nobody waits forever for one that is gone. */
static void a_durable_guard(void)
{
    struct world world;
    bulla_database *database = NULL;
    bulla_message *message = NULL;
    char path[256];
    int turn;

    begin(&world);
    bulla_guard_free(world.guard);
    OK(bulla_database_open(fresh("panic.guard", path, sizeof path), &database, &error));
    OK(bulla_guard_durable(database, NULL, &world.guard, &error));
    bulla_database_free(database);
    for (turn = 0; turn < 3; turn++) {
        bulla_opener_free(world.opener);
        OK(bulla_opener_new(world.bob, world.policy, world.guard, &world.opener, &error));
        with_the_hosts_clock(&world);
        seal_hello(&world, NULL);
        PANICS(open_it(&world, world.opener, &message));
        CHECK(message == NULL);
        another(&world.content);
        seal_hello(&world, NULL);
        OK(open_it(&world, world.opener, &message));
        bulla_message_free(message);
        message = NULL;
    }
    end(&world);
}

int main(void)
{
    a_whole_envelope();
    a_stream();
    a_store();
    if (bulla_has_feature("sqlite"))
        a_durable_guard();
    printf("panics: %d, %d failed checks\n", panics, failures);
    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
