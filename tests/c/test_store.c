#include "harness.h"
#include <sys/stat.h>

enum { BIG = 300000 };
static uint8_t big[BIG];

struct place {
    struct world world;
    bulla_store *store;
    bulla_sent sent;
    char folder[4096];
};

static void prepare(struct place *place)
{
    begin(&place->world);
    memset(big, 'x', sizeof big);
    seal_asking(&place->world, BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED, big, sizeof big, &place->sent);
    OK(bulla_store_new(place->world.opener, 60, &place->store, &error));
    fresh("folder", place->folder, sizeof place->folder);
    CHECK(mkdir(place->folder, 0700) == 0);
}

static void leave(struct place *place)
{
    bulla_store_free(place->store);
    end(&place->world);
}

/* Pushes envelope[from..until] in pieces; whether more was wanted at its end. */
static int push(struct place *place, bulla_store_stream *stream, size_t from, size_t until)
{
    const uint8_t *bytes = bulla_buffer_data(place->world.envelope);
    bulla_status status = BULLA_MORE;

    while (from < until && status == BULLA_MORE) {
        size_t piece = until - from < 7000 ? until - from : 7000;

        before();
        status = bulla_store_stream_update(stream, bytes + from, piece, &error);
        from += piece;
    }
    CHECK(status == BULLA_MORE || status == BULLA_OK);
    return status == BULLA_MORE;
}

static bulla_store_stream *stream_of(struct place *place, uint32_t kind, const char *target)
{
    bulla_store_stream *stream = NULL;

    OK(bulla_store_stream_new(place->store, kind, target, &stream, &error));
    return stream;
}

static size_t whole(const struct place *place)
{
    return bulla_buffer_length(place->world.envelope);
}

/* Whether the file of this path has the content. */
static int stored(bulla_view path)
{
    static uint8_t read[BIG + 1];
    char name[4096];
    FILE *file;
    size_t length;

    snprintf(name, sizeof name, "%.*s", (int)path.length, (const char *)path.data);
    if ((file = fopen(name, "rb")) == NULL)
        return 0;
    length = fread(read, 1, sizeof read, file);
    fclose(file);
    return length == BIG && memcmp(read, big, BIG) == 0;
}

static void what_is_stored_is_receipted_once(void)
{
    struct place place;
    bulla_store_stream *stream;
    bulla_lease *lease;
    bulla_answer *answer = NULL, *again;
    bulla_receipter *receipter = NULL;
    char path[4096];

    prepare(&place);
    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    CHECK(bulla_store_stream_stamp(stream) == NULL);
    CHECK(push(&place, stream, 0, 50000) == 1);
    CHECK(bulla_stamp_issued(bulla_store_stream_stamp(stream)) == place.sent.issued);
    CHECK(push(&place, stream, 50000, whole(&place)) == 1);
    UNTOUCHED(BULLA_OK, again, bulla_store_stream_finish(stream, &lease, &again, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_store_stream_update(stream, HELLO, 5, &error));
    FAILS(BULLA_WRONG_ORDER, bulla_store_stream_finish(stream, &lease, &again, &error));
    bulla_store_stream_free(stream);
    CHECK(bulla_lease_kind(lease) == BULLA_LEASE_STORED && stored(bulla_lease_path(lease)));
    snprintf(path, sizeof path, "%.*s", (int)bulla_lease_path(lease).length, (const char *)bulla_lease_path(lease).data);
    OK(bulla_receipter_new(place.world.bob, &receipter, &error));
    OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    CHECK(bulla_answer_outcome(answer) == BULLA_OUTCOME_STORED && bulla_answer_receipt(answer).length > 0);
    CHECK(bulla_message_content_length(bulla_answer_message(answer)) == BIG);
    bulla_lease_free(lease);

    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    push(&place, stream, 0, whole(&place));
    UNTOUCHED(BULLA_AGAIN, lease, bulla_store_stream_finish(stream, &lease, &again, &error));
    CHECK(view_is(bulla_answer_receipt(again), bulla_answer_receipt(answer).data, bulla_answer_receipt(answer).length));
    bulla_answer_free(again);
    bulla_store_stream_free(stream);
    bulla_answer_free(answer);
    bulla_receipter_free(receipter);
    CHECK(remove(path) == 0 && remove(place.folder) == 0); /* nothing else is in it */
    leave(&place);
}

static void what_is_released_or_damaged_leaves_nothing(void)
{
    struct place place;
    bulla_store_stream *stream;
    bulla_lease *lease = NULL;
    bulla_answer *again;
    bulla_buffer *note = NULL;
    bulla_receipter *receipter = NULL;
    uint8_t *copy;

    prepare(&place);
    stream = stream_of(&place, BULLA_TARGET_SUGGESTED, place.folder);
    push(&place, stream, 0, whole(&place));
    UNTOUCHED(BULLA_OK, again, bulla_store_stream_finish(stream, &lease, &again, &error));
    OK(bulla_lease_release(lease, &error));
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);

    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    push(&place, stream, 0, whole(&place) - 1);
    UNTOUCHED(BULLA_NOT_AUTHENTIC, lease, bulla_store_stream_finish(stream, &lease, &again, &error));
    bulla_store_stream_free(stream);

    /* Changed on the way: its author may be told, once a limit is set. */
    copy = malloc(whole(&place));
    if (copy == NULL)
        return;
    memcpy(copy, bulla_buffer_data(place.world.envelope), whole(&place));
    copy[whole(&place) - 1000] ^= 1;
    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    before();
    CHECK(bulla_store_stream_update(stream, copy, whole(&place), &error) != BULLA_INVALID_INPUT);
    UNTOUCHED(BULLA_NOT_AUTHENTIC, lease, bulla_store_stream_finish(stream, &lease, &again, &error));
    OK(bulla_buffer_new(&note, &error));
    OK(bulla_receipter_new(place.world.bob, &receipter, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_receipter_damaged_in_store(receipter, stream, "", note, &error));
    OK(bulla_receipter_limit(receipter, place.world.guard, 60, 1, &error));
    OK(bulla_receipter_damaged_in_store(receipter, stream, "changed", note, &error));
    CHECK(bulla_buffer_length(note) > 100);
    FAILS(BULLA_NOTHING, bulla_receipter_damaged_in_store(receipter, stream, "changed", note, &error));
    bulla_store_stream_free(stream);
    bulla_receipter_free(receipter);
    bulla_buffer_free(note);
    free(copy);
    CHECK(remove(place.folder) == 0); /* it is empty */
    leave(&place);
}

static uint8_t no_room(void *context, const uint8_t *folder, size_t folder_length, uint64_t content)
{
    CHECK(folder != NULL && folder_length > 0 && content == BIG);
    ++*(int *)context;
    return 0;
}

static void dropped(void *context)
{
    *(int *)context += 100;
}

static void what_is_too_large_or_has_no_room_can_be_rejected(void)
{
    struct place place;
    bulla_store_stream *stream;
    bulla_lease *lease;
    bulla_answer *again, *answer = NULL;
    bulla_receipter *receipter = NULL;
    int asked = 0;

    prepare(&place);
    OK(bulla_receipter_new(place.world.bob, &receipter, &error));
    OK(bulla_store_ask_for_room(place.store, no_room, &asked, dropped, &error));
    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    CHECK(push(&place, stream, 0, whole(&place)) == 0);
    UNTOUCHED(BULLA_NO_ROOM, again, bulla_store_stream_finish(stream, &lease, &again, &error));
    CHECK(asked == 1 && bulla_lease_kind(lease) == BULLA_LEASE_REFUSED);
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);

    OK(bulla_store_max_content(place.store, BIG - 1, &error));
    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    CHECK(push(&place, stream, 0, whole(&place)) == 0);
    UNTOUCHED(BULLA_TOO_LARGE, again, bulla_store_stream_finish(stream, &lease, &again, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, answer, bulla_receipter_accept(receipter, lease, &answer, &error));
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);
    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    push(&place, stream, 0, whole(&place));
    FAILS(BULLA_TOO_LARGE, bulla_store_stream_finish(stream, &lease, &again, &error));
    OK(bulla_receipter_reject(receipter, lease, BULLA_REASON_TOO_LARGE, "too long", &answer, &error));
    CHECK(bulla_answer_outcome(answer) == BULLA_OUTCOME_REJECTED && bulla_answer_receipt(answer).length > 0);
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);
    bulla_receipter_free(receipter);
    CHECK(remove(place.folder) == 0);
    leave(&place);
    CHECK(asked == 101);
}

static void what_did_not_come_whole_is_completed(void)
{
    struct place place;
    bulla_store_stream *stream;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    FRAMED(uint64_t) held;
    size_t removed = 9;
    char parts[4096];

    prepare(&place);
    FAILS(BULLA_INVALID_INPUT, bulla_store_held(place.store, &place.sent.header_digest, &held.value, &error));
    fresh("parts", parts, sizeof parts);
    CHECK(mkdir(parts, 0700) == 0);
    OK(bulla_store_resumable(place.store, parts, 4, 1 << 20, &error));
    stream = NULL;
    UNTOUCHED(BULLA_INVALID_INPUT, stream, bulla_store_stream_resume(place.store, &place.sent.header_digest, BULLA_TARGET_BY_ID,
                                                                     place.folder, &stream, &error));
    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    push(&place, stream, 0, 200000);
    FAILS(BULLA_NOT_AUTHENTIC, bulla_store_stream_finish(stream, &lease, &again, &error));
    bulla_store_stream_free(stream);
    FRAME(held);
    OK(bulla_store_held(place.store, &place.sent.header_digest, &held.value, &error));
    INTACT(held);
    CHECK(held.value > 100000 && held.value <= 200000);
    OK(bulla_store_stream_resume(place.store, &place.sent.header_digest, BULLA_TARGET_BY_ID, place.folder, &stream, &error));
    push(&place, stream, (size_t)held.value, whole(&place));
    OK(bulla_store_stream_finish(stream, &lease, &again, &error));
    CHECK(stored(bulla_lease_path(lease)) && bulla_lease_was_there(lease) == 0);
    bulla_lease_free(lease); /* which releases it, and removes the file */
    bulla_store_stream_free(stream);
    OK(bulla_store_clean(place.store, place.folder, &removed, &error));
    CHECK(removed == 0 && remove(place.folder) == 0);
    leave(&place);
}

/* As after a process that was killed between the final name and the commit. */
static void what_was_there_before_is_told(void)
{
    struct place place;
    bulla_store_stream *stream;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    char path[5000];
    FILE *file;

    prepare(&place);
    snprintf(path, sizeof path, "%s/file", place.folder);
    CHECK((file = fopen(path, "wb")) != NULL && fwrite(big, 1, BIG, file) == BIG && fclose(file) == 0);
    stream = stream_of(&place, BULLA_TARGET_PATH, path);
    push(&place, stream, 0, whole(&place));
    OK(bulla_store_stream_finish(stream, &lease, &again, &error));
    CHECK(bulla_lease_was_there(lease) == 1);
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);
    CHECK(remove(path) == 0 && remove(place.folder) == 0);
    leave(&place);
}

/* The path is in the handle that the call ends. */
static void what_a_lease_shows_may_be_its_answer(void)
{
    struct place place;
    bulla_store_stream *stream;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL, *again = NULL;
    bulla_view path;
    char name[4096];

    prepare(&place);
    stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
    push(&place, stream, 0, whole(&place));
    OK(bulla_store_stream_finish(stream, &lease, &again, &error));
    bulla_store_stream_free(stream);
    path = bulla_lease_path(lease);
    snprintf(name, sizeof name, "%.*s", (int)path.length, (const char *)path.data);
    OK(bulla_lease_commit(lease, BULLA_OUTCOME_STORED, path.data, path.length, &answer, &error));
    CHECK(view_is(bulla_answer_receipt(answer), name, strlen(name)));
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    CHECK(remove(name) == 0 && remove(place.folder) == 0);
    leave(&place);
}

const struct test test_store[] = {
    {"what is stored is receipted once", what_is_stored_is_receipted_once},
    {"what is released or damaged leaves nothing", what_is_released_or_damaged_leaves_nothing},
    {"what is too large or has no room can be rejected", what_is_too_large_or_has_no_room_can_be_rejected},
    {"what did not come whole is completed", what_did_not_come_whole_is_completed},
    {"what was there before is told", what_was_there_before_is_told},
    {"what a lease shows may be its answer", what_a_lease_shows_may_be_its_answer},
    END,
};
