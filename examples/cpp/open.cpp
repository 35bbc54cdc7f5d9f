// Opens an envelope that seal.cpp made, once: a second time it is a replay, also after this program has ended, for the guard is a
// file. Written without exceptions, to show that too.
//
//     open KEY-FILE SENDER-LINE GUARD-FILE ENVELOPE OUTPUT
//
// Exit status: 0 opened; 2 not acceptable; 3 authentic, but refused; 4 not decided, try again later; 1 anything else.

#include <bulla.hpp>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

int told(const bulla::error& error) {
    std::cerr << "open: " << error.name() << ": " << error.what() << '\n';
    switch (error.kind()) {
    case bulla::failure::not_acceptable:
        return 2;
    case bulla::failure::refused:
        return 3;
    case bulla::failure::try_again:
        return 4;
    case bulla::failure::usage:
        break;
    }
    return 1;
}

/// The one gate: who reads, what is accepted, and what was accepted before.
bulla::result<bulla::opener> gate(const char* key_file, const char* sender, const char* guard_file) {
    const auto reader = bulla::identity::load(key_file);
    const auto known = bulla::public_identity::parse(sender);
    auto policy = bulla::policy::make("example");
    const auto database = bulla::database::open(guard_file);
    if (!reader || !known || !policy || !database) {
        return !reader ? reader.error() : !known ? known.error() : !policy ? policy.error() : database.error();
    }
    const auto key = known->key();
    if (!key) {
        return key.error();
    }
    if (auto allowed = policy->allow(*key); !allowed) {
        return allowed.error();
    }
    const auto guard = bulla::guard::durable(*database);
    return guard ? bulla::opener::make(*reader, *policy, *guard) : guard.error();
}

} // namespace

int main(int count, char** arguments) {
    if (count != 6) {
        std::cerr << "usage: open KEY-FILE SENDER-LINE GUARD-FILE ENVELOPE OUTPUT\n";
        return 1;
    }
    const auto opener = gate(arguments[1], arguments[2], arguments[3]);
    if (!opener) {
        return told(opener.error());
    }
    std::ifstream input(arguments[4], std::ios::binary);
    const std::string envelope(std::istreambuf_iterator<char>(input), {});

    // Nothing of the content is given out before everything is checked.
    const auto opened = opener->open(envelope);
    if (!opened) {
        return told(opened.error());
    }
    std::ofstream output(arguments[5], std::ios::binary);
    output << opened->content.text() << std::flush;
    if (!output) {
        std::cerr << "open: cannot write " << arguments[5] << '\n';
        return 1;
    }
    const auto& stamp = opened->message.stamp();
    std::cout << opened->content.size() << " bytes from " << stamp.signer.hex() << ", issued at "
              << stamp.issued << '\n';
    return 0;
}
