/* Makes an identity: keygen KEYFILE > IDENTITY */
#include <bulla.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    bulla_error error;
    bulla_identity *identity = NULL;
    bulla_public *others = NULL;
    bulla_buffer *line = NULL;
    int result = 1;

    if (argc == 2 && bulla_identity_generate(&identity, &error) == BULLA_OK &&
        bulla_identity_save(identity, argv[1], NULL, &error) == BULLA_OK &&
        bulla_identity_public(identity, &others, &error) == BULLA_OK && bulla_buffer_new(&line, &error) == BULLA_OK &&
        bulla_public_line(others, line, &error) == BULLA_OK)
        result = printf("%.*s\n", (int)bulla_buffer_length(line), (const char *)bulla_buffer_data(line)) < 0;
    bulla_buffer_free(line);
    bulla_public_free(others);
    bulla_identity_free(identity);
    return result;
}
