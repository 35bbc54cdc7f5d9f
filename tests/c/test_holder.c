/* Keys held elsewhere, where the holder fails or answers nonsense. That one which answers well seals and opens is tested in Rust
 * (tests/capi_hosts), which has the curves. */
#include "harness.h"

struct token {
    bulla_status code;
    uint32_t generation;
    int signs, derives, drops;
};

static bulla_status sign(void *context, const uint8_t *message, size_t length, uint8_t *signature)
{
    struct token *token = context;

    CHECK(message != NULL && length > 0 && length <= 17408);
    memset(signature, 7, 64); /* which is nobody's signature */
    token->signs++;
    return token->code;
}

static bulla_status derive(void *context, uint32_t suite, uint32_t generation, const uint8_t *enc, size_t length, uint8_t *secret)
{
    struct token *token = context;

    CHECK(suite == 1 && generation == token->generation && enc != NULL && length == 32);
    memset(secret, 7, 32);
    token->derives++;
    return token->code;
}

static void drop(void *context)
{
    ((struct token *)context)->drops++;
}

static bulla_holder holder_of(struct token *token)
{
    bulla_holder holder;

    memset(&holder, 0, sizeof holder);
    holder.size = sizeof holder;
    holder.context = token;
    holder.drop = drop;
    holder.sign = sign;
    holder.decapsulate = derive;
    return holder;
}

static void useless_holders_are_refused(void)
{
    struct world world;
    struct token token = {BULLA_OK, 0, 0, 0, 0};
    bulla_holder holder = holder_of(&token);
    bulla_identity *identity;

    begin(&world);
    holder.multiply = derive;
    UNTOUCHED(BULLA_INVALID_INPUT, identity, bulla_identity_external(world.bob_public, &holder, &identity, &error));
    holder.multiply = holder.decapsulate = NULL;
    holder.sign = NULL;
    UNTOUCHED(BULLA_INVALID_INPUT, identity, bulla_identity_external(world.bob_public, &holder, &identity, &error));
    holder = holder_of(&token);
    holder.size = 8;
    UNTOUCHED(BULLA_INVALID_INPUT, identity, bulla_identity_external(world.bob_public, &holder, &identity, &error));
    CHECK(token.drops == 0);
    end(&world);
}

static void what_the_holder_signs_is_checked(void)
{
    static const bulla_status CODES[] = {BULLA_OK, BULLA_KEY_UNAVAILABLE, BULLA_NOTHING, 12345, -1};
    size_t at;

    for (at = 0; at < sizeof CODES / sizeof CODES[0]; at++) {
        struct world world;
        struct token token = {BULLA_OK, 0, 0, 0, 0};
        bulla_holder holder = holder_of(&token);
        bulla_identity *identity = NULL;
        bulla_sealer *sealer = NULL;
        bulla_sent sent;

        token.code = CODES[at];
        begin(&world);
        OK(bulla_identity_external(world.alice_public, &holder, &identity, &error));
        OK(bulla_sealer_new(identity, &sealer, &error));
        OK(bulla_sealer_to(sealer, world.bob_public, &error));
        UNTOUCHED(BULLA_KEY_UNAVAILABLE, sent,
                  bulla_seal(sealer, world.draft, HELLO, sizeof HELLO, world.envelope, &sent, &error));
        CHECK(bulla_buffer_length(world.envelope) == 0 && token.signs == 1);
        bulla_identity_free(identity);
        CHECK(token.drops == 0);
        bulla_sealer_free(sealer);
        CHECK(token.drops == 1);
        end(&world);
    }
}

static void what_the_holder_derives_opens_nothing_if_it_is_wrong(void)
{
    static const struct {
        bulla_status code, wanted;
    } CASES[] = {
        {BULLA_OK, BULLA_NOT_FOR_ME}, {BULLA_NOTHING, BULLA_NOT_FOR_ME}, {BULLA_IO, BULLA_KEY_UNAVAILABLE},
        {12345, BULLA_KEY_UNAVAILABLE}, {-1, BULLA_KEY_UNAVAILABLE},
    };
    size_t at;

    for (at = 0; at < sizeof CASES / sizeof CASES[0]; at++) {
        struct world world;
        struct token token = {BULLA_OK, 0, 0, 0, 0};
        bulla_holder holder = holder_of(&token);
        bulla_identity *identity = NULL;
        bulla_opener *opener = NULL;
        bulla_message *message;
        bulla_encryption_key key;

        token.code = CASES[at].code;
        begin(&world);
        OK(bulla_public_encryption_key(world.bob_public, 0, &key, &error));
        token.generation = key.generation;
        seal_hello(&world, NULL);
        OK(bulla_identity_external(world.bob_public, &holder, &identity, &error));
        OK(bulla_opener_new(identity, world.policy, world.guard, &opener, &error));
        UNTOUCHED(CASES[at].wanted, message, open_it(&world, opener, &message));
        CHECK(bulla_buffer_length(world.content) == 0 && token.derives == 1);
        bulla_opener_free(opener);
        bulla_identity_free(identity);
        CHECK(token.drops == 1);
        /* Nothing was claimed: who has the key opens it. */
        OK(open_it(&world, world.opener, &message));
        bulla_message_free(message);
        end(&world);
    }
}

static void keys_of_a_holder_are_not_written(void)
{
    struct world world;
    struct token token = {BULLA_OK, 0, 0, 0, 0};
    bulla_holder holder = holder_of(&token);
    bulla_identity *identity = NULL;
    char path[4096];

    begin(&world);
    OK(bulla_identity_external(world.bob_public, &holder, &identity, &error));
    FAILS(BULLA_KEY_UNAVAILABLE, bulla_identity_text(identity, NULL, world.content, &error));
    FAILS(BULLA_KEY_UNAVAILABLE, bulla_identity_save(identity, fresh("held.key", path, sizeof path), NULL, &error));
    FAILS(BULLA_KEY_UNAVAILABLE, bulla_identity_rotate(identity, 1, &error));
    CHECK(bulla_buffer_length(world.content) == 0 && fopen(path, "rb") == NULL);
    bulla_identity_free(identity);
    end(&world);
}

const struct test test_holder[] = {
    {"useless holders are refused", useless_holders_are_refused},
    {"what the holder signs is checked", what_the_holder_signs_is_checked},
    {"what the holder derives opens nothing if it is wrong", what_the_holder_derives_opens_nothing_if_it_is_wrong},
    {"keys of a holder are not written", keys_of_a_holder_are_not_written},
    END,
};
