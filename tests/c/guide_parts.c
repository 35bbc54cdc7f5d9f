/* The functions that docs/c.md gives for hosts with a store or a queue of their own, as they stand there, in parts.h (guide.py). */
#include "harness.h"

/* A lease whose path does not end where its view ends. */
static bulla_view path_of(const bulla_lease *lease)
{
    static const uint8_t path[] = "removed and more";
    bulla_view view = {path, 7};

    (void)lease;
    return view;
}
#define bulla_lease_path path_of
#include "parts.h"
#undef bulla_lease_path

static int make(const char *name)
{
    FILE *file = fopen(name, "w");

    return file != NULL && fclose(file) == 0;
}

static int is_there(const char *name)
{
    FILE *file = fopen(name, "r");

    return file != NULL && fclose(file) == 0;
}

static void what_is_rejected_is_removed(void)
{
    CHECK(make("removed") && make("removed and more"));
    CHECK(remove_stored(NULL) == 0);
    CHECK(!is_there("removed") && is_there("removed and more"));
}

/* Bob stores what alice seals, and his receipt says so to her, of this message alone. */
static void a_receipt_answers_what_was_sent(void)
{
    struct world world;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_receipter *receipter = NULL;
    bulla_sent sent, other;
    bulla_view receipt;
    bulla_status status = BULLA_OK;

    begin(&world);
    seal_asking(&world, BULLA_RECEIPT_DELIVERED, HELLO, sizeof HELLO, &other);
    seal_asking(&world, BULLA_RECEIPT_DELIVERED, HELLO, sizeof HELLO, &sent);
    OK(lease_it(&world, &lease, &answer));
    OK(bulla_receipter_new(world.bob, &receipter, &error));
    OK(bulla_receipter_accept(receipter, lease, &answer, &error));
    receipt = bulla_answer_receipt(answer);
    CHECK(answered(world.alice, world.bob_public, "test", &sent, 1, receipt.data, receipt.length, &status) == BULLA_STATUS_DELIVERED);
    CHECK(status == BULLA_OK);
    CHECK(answered(world.alice, world.bob_public, "test", &other, 1, receipt.data, receipt.length, &status) == 0);
    CHECK(status == BULLA_WRONG_RECEIPT);
    CHECK(answered(world.alice, world.alice_public, "test", &sent, 1, receipt.data, receipt.length, &status) == 0);
    CHECK(status == BULLA_UNTRUSTED_SENDER);
    CHECK(answered(world.alice, world.bob_public, "test", &sent, 1, receipt.data, receipt.length - 1, &status) == 0);
    CHECK(status == BULLA_NOT_AUTHENTIC || status == BULLA_MALFORMED);
    bulla_answer_free(answer);
    bulla_receipter_free(receipter);
    bulla_lease_free(lease);
    end(&world);
}

int main(void)
{
    what_is_rejected_is_removed();
    a_receipt_answers_what_was_sent();
    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
