#include "harness.h"

const struct test test_armor[] = {
    END,
};
