// Opens an envelope that seal.cpp made, once: a second time it is a replay, also after this program has ended, for the guard is a
// file. It counts as opened only when the output is written: else it may be opened again. Written without exceptions, to show that
// too.
//
//     open KEY-FILE SENDER-LINE GUARD-FILE ENVELOPE OUTPUT
//
// Exit status: 0 opened; 2 not acceptable; 3 authentic, but refused; 4 not decided, try again later; 1 anything else.

#include <bulla.hpp>

#include <array>
#include <fstream>
#include <iostream>
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
    std::string envelope;
    std::array<char, 65536> piece{};
    while (input.read(piece.data(), piece.size()), input.gcount() > 0) {
        envelope.append(piece.data(), static_cast<std::size_t>(input.gcount()));
    }
    if (!input.eof()) {
        std::cerr << "open: cannot read " << arguments[4] << '\n';
        return 1;
    }

    // Nothing of the content is given out before everything is checked, and the message is only reserved.
    auto outcome = opener->open_leased(envelope, 60);
    if (!outcome) {
        return told(outcome.error());
    }
    auto* opened = std::get_if<bulla::reserved>(&*outcome);
    if (opened == nullptr) {
        return told(bulla::error(BULLA_REPLAYED, bulla_status_text(BULLA_REPLAYED)));
    }
    std::ofstream output(arguments[5], std::ios::binary);
    output << opened->content.text();
    output.close();
    if (!output) {
        std::cerr << "open: cannot write " << arguments[5] << '\n';
        return 1;
    }
    // Now it counts. Where it must not be lost at a power cut either, use a store, as receipt.cpp does.
    const auto stamp = opened->lease.stamp().value_or(bulla::stamp());
    if (const auto done = opened->lease.accept_unanswered(); !done) {
        return told(done.error());
    }
    std::cout << opened->content.size() << " bytes from " << stamp.signer.hex() << ", issued at " << stamp.issued << '\n';
    return 0;
}
