// From sending to receipt: the sender keeps in an outbox what awaits an answer; the recipient stores the message, and only then makes
// a receipt; the receipt settles it.
//
//     receipt FOLDER

#include <bulla.hpp>

#include <ctime>
#include <filesystem>
#include <iostream>
#include <string>

namespace {

std::uint64_t now() { return static_cast<std::uint64_t>(std::time(nullptr)); }

bulla::policy accepting(const bulla::public_identity& whom) {
    auto policy = bulla::policy::make("example").value();
    policy.allow(whom.key().value()).value();
    return policy;
}

/// The recipient's side: gives what is to be sent back, which may be nothing.
std::string receive(const bulla::identity& self, const bulla::opener& opener, bulla::bytes_view envelope,
                    const std::filesystem::path& folder) {
    const auto receipter = bulla::receipter::make(self).value();
    auto store = opener.store(60).value();
    store.max_content(1U << 20U).value();

    auto stream = store.stream(bulla::target::by_id(folder.string())).value();
    static_cast<void>(stream.update(envelope).value()); // A host does so with each piece that comes.
    auto outcome = stream.finish().value();

    if (auto* stored = std::get_if<bulla::stored>(&outcome)) {
        std::cout << "stored: " << std::filesystem::path(stored->lease.path()).parent_path().filename().string() << '\n';
        return std::string(receipter.accept(stored->lease).value().receipt().text());
    }
    if (auto* before = std::get_if<bulla::answer>(&outcome)) {
        return std::string(before->receipt().text()); // It came before: the same receipt again, and nothing else.
    }
    auto* too_large = std::get_if<bulla::too_large>(&outcome);
    if (too_large == nullptr) {
        return {}; // No room: the lease is released here, and the message may come again when there is.
    }
    const auto rejected = receipter.reject(too_large->lease, BULLA_REASON_TOO_LARGE, "at most 1 MiB").value();
    const auto* answer = std::get_if<bulla::answer>(&rejected); // Else the sender may not be told now.
    return answer != nullptr ? std::string(answer->receipt().text()) : std::string();
}

void run(const std::filesystem::path& folder) {
    const auto sender = bulla::identity::generate().value();
    const auto recipient = bulla::identity::generate().value();
    const auto sender_public = sender.public_identity().value();
    const auto recipient_public = recipient.public_identity().value();

    // The sender seals, and puts it into the outbox before it is sent.
    auto sealer = bulla::sealer::make(sender).value();
    sealer.to(recipient_public).value();
    auto draft = bulla::draft::make("example").value();
    draft.ask_receipts(bulla::receipts::stored | bulla::receipts::rejected, sender_public).value();
    const auto sealed = sealer.seal(draft, "an invoice").value();
    const auto outbox = bulla::outbox::make(bulla::database::open((folder / "outbox").string()).value()).value();
    const auto letter = bulla::letter::make(sealed.sent, "example", {recipient_public.key().value()}, now() + 86400).value();
    outbox.put(letter, sealed.envelope, now()).value();

    const auto due = outbox.due(now(), 100).value();
    const auto envelope = outbox.envelope(due.at(0)->header_digest).value();
    outbox.mark_sent(due, 0, now()).value();

    // It comes to the recipient, whose receipt comes back.
    const auto files = bulla::database::open((folder / "guard").string()).value();
    const auto guard = bulla::guard::durable(files).value();
    const auto opener = bulla::opener::make(recipient, accepting(sender_public), guard).value();
    const auto receipt = receive(recipient, opener, envelope, folder);
    const auto settled = outbox.settle(sender, receipt).value();
    const bool done = settled.entry()->state == bulla::outbox_state::settled && settled.is_new();
    std::cout << (done ? "settled" : "NOT settled") << '\n';
}

} // namespace

int main(int count, char** arguments) {
    try {
        run(count > 1 ? arguments[1] : ".");
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "receipt: " << error.what() << '\n';
        return 1;
    }
}
