#include "harness.h"

static void same_public(bulla_identity *one, bulla_identity *other)
{
    bulla_public *ones = NULL, *others = NULL;
    bulla_key key, other_key;

    OK(bulla_identity_public(one, &ones, &error));
    OK(bulla_identity_public(other, &others, &error));
    OK(bulla_public_key(ones, &key, &error));
    OK(bulla_public_key(others, &other_key, &error));
    CHECK(memcmp(&key, &other_key, sizeof key) == 0);
    bulla_public_free(ones);
    bulla_public_free(others);
}

static void a_key_file_is_written_and_read(void)
{
    const char *file = scratch("plain.key");
    bulla_identity *made = NULL, *read = NULL;

    remove(file);
    UNTOUCHED(BULLA_IO, read, bulla_identity_load(file, NULL, &read, &error));
    OK(bulla_identity_generate(&made, &error));
    OK(bulla_identity_save(made, file, NULL, &error));
    FAILS(BULLA_NAME_TAKEN, bulla_identity_save(made, file, NULL, &error));
    read = NULL;
    OK(bulla_identity_load(file, NULL, &read, &error));
    same_public(made, read);
    OK(bulla_identity_replace(made, file, NULL, &error));
    bulla_identity_free(made);
    bulla_identity_free(read);
    remove(file);
}

static void a_passphrase_protects(void)
{
    bulla_identity *made = NULL, *read = NULL;
    bulla_buffer *text = NULL;
    const uint8_t *data;
    size_t length;

    OK(bulla_identity_generate(&made, &error));
    OK(bulla_buffer_new(&text, &error));
    FAILS(BULLA_INVALID_INPUT, bulla_identity_text(made, "", text, &error));
    CHECK(bulla_buffer_length(text) == 0);
    OK(bulla_identity_text(made, "correct horse", text, &error));
    data = bulla_buffer_data(text);
    length = bulla_buffer_length(text);
    UNTOUCHED(BULLA_PASSPHRASE_NEEDED, read, bulla_identity_parse(data, length, NULL, &read, &error));
    UNTOUCHED(BULLA_WRONG_PASSPHRASE, read, bulla_identity_parse(data, length, "wrong horse", &read, &error));
    UNTOUCHED(BULLA_MALFORMED, read, bulla_identity_parse(data, length / 2, "correct horse", &read, &error));
    read = NULL;
    OK(bulla_identity_parse(data, length, "correct horse", &read, &error));
    same_public(made, read);
    bulla_identity_free(made);
    bulla_identity_free(read);
    bulla_buffer_free(text);
}

static void identity_lines_are_read(void)
{
    struct world world;
    bulla_buffer *line = NULL;
    bulla_public *read = NULL;
    bulla_key key;
    char text[1100];
    size_t length;

    begin(&world);
    OK(bulla_buffer_new(&line, &error));
    OK(bulla_public_line(world.bob_public, line, &error));
    length = bulla_buffer_length(line);
    memcpy(text, bulla_buffer_data(line), length);
    text[length] = '\0';
    OK(bulla_public_parse(text, &read, &error));
    OK(bulla_public_key(read, &key, &error));
    CHECK(memcmp(&key, &world.bob_key, sizeof key) == 0);
    bulla_public_free(read);
    text[length - 3] = text[length - 3] == 'q' ? 'p' : 'q';
    UNTOUCHED(BULLA_MALFORMED, read, bulla_public_parse(text, &read, &error));
    UNTOUCHED(BULLA_MALFORMED, read, bulla_public_parse("", &read, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, read, bulla_public_parse("\xff\xfe", &read, &error));
    UNTOUCHED(BULLA_INVALID_INPUT, key, bulla_public_key(NULL, &key, &error));
    bulla_buffer_free(line);
    end(&world);
}

static void keys_are_rotated_and_destroyed(void)
{
    struct world world;
    bulla_message *message = NULL;
    size_t destroyed;

    begin(&world);
    FAILS(BULLA_WRONG_ORDER, bulla_identity_rotate(world.bob, 1000, &error));
    UNTOUCHED(BULLA_WRONG_ORDER, destroyed, bulla_identity_destroy_expired(world.bob, 2000, &destroyed, &error));
    seal_hello(&world, NULL);
    bulla_opener_free(world.opener);
    OK(bulla_identity_rotate(world.bob, 1000, &error));
    OK(bulla_opener_new(world.bob, world.policy, world.guard, &world.opener, &error));
    OK(open_it(&world, world.opener, &message));
    bulla_message_free(message);
    bulla_opener_free(world.opener);
    OK(bulla_identity_destroy_expired(world.bob, 999, &destroyed, &error));
    CHECK(destroyed == 0);
    OK(bulla_identity_destroy_expired(world.bob, 2000, &destroyed, &error));
    CHECK(destroyed == 1);
    OK(bulla_opener_new_unguarded(world.bob, world.policy, &world.opener, &error));
    UNTOUCHED(BULLA_NOT_FOR_ME, message, open_it(&world, world.opener, &message));
    end(&world);
}

const struct test test_identity[] = {
    {"a key file is written and read", a_key_file_is_written_and_read},
    {"a passphrase protects", a_passphrase_protects},
    {"identity lines are read", identity_lines_are_read},
    {"keys are rotated and destroyed", keys_are_rotated_and_destroyed},
    END,
};
