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

/* Another file has the name: the content is kept, and gets the name that the host chooses then. */
static void a_name_that_is_taken_is_chosen_anew(void)
{
    struct place place;
    bulla_store_stream *stream;
    bulla_lease *lease;
    bulla_answer *again, *answer = NULL;
    char path[4200], beside[4200];
    FILE *other;
    int same;

    /* Of another length, and of the same one. */
    for (same = 0; same < 2; same++) {
        prepare(&place);
        snprintf(path, sizeof path, "%s/taken", place.folder);
        snprintf(beside, sizeof beside, "%s/free", place.folder);
        other = fopen(path, "wb");
        CHECK(other != NULL && fwrite(big + 1, 1, same ? BIG - 1 : 5, other) > 0 && fputc('y', other) == 'y' && fclose(other) == 0);
        stream = stream_of(&place, BULLA_TARGET_PATH, path);
        FAILS(BULLA_WRONG_ORDER, bulla_store_stream_retarget(stream, BULLA_TARGET_PATH, beside, &error));
        push(&place, stream, 0, whole(&place));
        UNTOUCHED(BULLA_NAME_TAKEN, lease, bulla_store_stream_finish(stream, &lease, &again, &error));
        CHECK(bulla_stamp_issued(bulla_store_stream_stamp(stream)) == place.sent.issued);
        /* What is no target leaves it as it was, and so does the same one. */
        FAILS(BULLA_INVALID_INPUT, bulla_store_stream_retarget(stream, 77, beside, &error));
        FAILS(BULLA_INVALID_INPUT, bulla_store_stream_retarget(stream, BULLA_TARGET_PATH, "..", &error));
        FAILS(BULLA_INVALID_INPUT, bulla_store_stream_retarget(stream, BULLA_TARGET_PATH, NULL, &error));
        FAILS(BULLA_INVALID_INPUT, bulla_store_stream_retarget(stream, BULLA_TARGET_BY_ID, beside, &error)); /* no such folder */
        FAILS(BULLA_INVALID_INPUT, bulla_store_stream_retarget(stream, BULLA_TARGET_BY_ID, "/proc", &error)); /* elsewhere */
        /* Of another envelope it takes nothing. */
        FAILS(BULLA_WRONG_ORDER, bulla_store_stream_update(stream, HELLO, 5, &error));
        FAILS(BULLA_WRONG_ORDER, bulla_store_stream_update(stream, NULL, 0, &error));
        UNTOUCHED(BULLA_NAME_TAKEN, lease, bulla_store_stream_finish(stream, &lease, &again, &error));
        OK(bulla_store_stream_retarget(stream, BULLA_TARGET_PATH, beside, &error));
        UNTOUCHED(BULLA_OK, again, bulla_store_stream_finish(stream, &lease, &again, &error));
        FAILS(BULLA_WRONG_ORDER, bulla_store_stream_retarget(stream, BULLA_TARGET_PATH, beside, &error));
        bulla_store_stream_free(stream);
        CHECK(view_is(bulla_lease_path(lease), beside, strlen(beside)) && stored(bulla_lease_path(lease)));
        OK(bulla_lease_accept_unanswered(lease, &answer, &error));
        bulla_answer_free(answer);
        bulla_lease_free(lease);

        /* Freed instead, it leaves nothing. */
        seal_asking(&place.world, BULLA_RECEIPT_STORED, big, sizeof big, &place.sent);
        stream = stream_of(&place, BULLA_TARGET_PATH, path);
        push(&place, stream, 0, whole(&place));
        UNTOUCHED(BULLA_NAME_TAKEN, lease, bulla_store_stream_finish(stream, &lease, &again, &error));
        bulla_store_stream_free(stream);
        CHECK(remove(path) == 0 && remove(beside) == 0 && remove(place.folder) == 0);
        leave(&place);
    }
}

/* What a judge answers, and what comes of it. */
static uint16_t judged_as(void *context, const bulla_stamp *stamp, char *words)
{
    CHECK(stamp != NULL && words[0] == '\0');
    /* What is written besides is not for "later", nor for "yes". */
    snprintf(words, BULLA_REASON_TEXT, "words");
    return *(uint16_t *)context;
}

/* The reason in a receipt to alice. */
static uint16_t reason_in(struct place *place, bulla_view receipt)
{
    bulla_policy *recipients = NULL;
    bulla_receipt *opened = NULL;
    bulla_view words;
    uint16_t code = 0;

    OK(bulla_policy_new("test", &recipients, &error));
    OK(bulla_policy_allow(recipients, &place->world.bob_key, &error));
    OK(bulla_receipt_open(place->world.alice, recipients, NULL, receipt.data, receipt.length, &opened, &error));
    OK(bulla_receipt_reason(opened, &code, &words, &error));
    bulla_receipt_free(opened);
    bulla_policy_free(recipients);
    return code;
}

static void rules_accept_refuse_or_wait(void)
{
    /* The last ones are nonsense: refused, for no reason that can be sent. */
    static const struct {
        uint16_t answer;
        bulla_status status;
        uint16_t told;
    } CASES[] = {{0, BULLA_OK, 0}, {BULLA_JUDGE_LATER, BULLA_UNDECIDED, 0}, {BULLA_REASON_POLICY, BULLA_REFUSED, BULLA_REASON_POLICY},
                 {1024, BULLA_REFUSED, 1024}, {UINT16_MAX, BULLA_REFUSED, UINT16_MAX}, {7, BULLA_REFUSED, BULLA_REASON_POLICY},
                 {BULLA_JUDGE_LATER - 1, BULLA_REFUSED, BULLA_REASON_POLICY}, {500, BULLA_REFUSED, BULLA_REASON_POLICY}};
    struct place place;
    size_t at;

    for (at = 0; at < sizeof CASES / sizeof CASES[0]; at++) {
        bulla_store_stream *stream;
        bulla_lease *lease = NULL;
        bulla_answer *again = NULL, *answer = NULL;
        bulla_receipter *receipter = NULL;
        uint16_t says = CASES[at].answer;

        prepare(&place);
        OK(bulla_store_judge(place.store, judged_as, &says, NULL, &error));
        stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
        push(&place, stream, 0, whole(&place));
        before();
        CHECK(bulla_store_stream_finish(stream, &lease, &again, &error) == CASES[at].status);
        bulla_store_stream_free(stream);
        if (CASES[at].status == BULLA_UNDECIDED) {
            CHECK(lease == NULL && bulla_status_class(BULLA_UNDECIDED) == BULLA_CLASS_TRY_AGAIN);
            CHECK(remove(place.folder) == 0 && mkdir(place.folder, 0700) == 0); /* nothing is in it */
            /* Nothing is reserved: it may come again at once. */
            says = 0;
            stream = stream_of(&place, BULLA_TARGET_BY_ID, place.folder);
            push(&place, stream, 0, whole(&place));
            OK(bulla_store_stream_finish(stream, &lease, &again, &error));
            bulla_store_stream_free(stream);
        } else if (CASES[at].status == BULLA_REFUSED) {
            OK(bulla_receipter_new(place.world.bob, &receipter, &error));
            OK(bulla_receipter_reject(receipter, lease, 0, NULL, &answer, &error));
            CHECK(bulla_answer_outcome(answer) == BULLA_OUTCOME_REJECTED);
            CHECK(reason_in(&place, bulla_answer_receipt(answer)) == CASES[at].told);
            bulla_answer_free(answer);
            bulla_receipter_free(receipter);
        }
        bulla_lease_free(lease); /* a file goes with it */
        CHECK(remove(place.folder) == 0);
        leave(&place);
    }
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
    {"a name that is taken is chosen anew", a_name_that_is_taken_is_chosen_anew},
    {"rules accept, refuse, or wait", rules_accept_refuse_or_wait},
    {"what did not come whole is completed", what_did_not_come_whole_is_completed},
    {"what was there before is told", what_was_there_before_is_told},
    {"what a lease shows may be its answer", what_a_lease_shows_may_be_its_answer},
    END,
};
