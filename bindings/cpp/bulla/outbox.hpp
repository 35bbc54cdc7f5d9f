/// The sender's durable list of what awaits receipts, so that nothing is lost in silence.
#ifndef BULLA_OUTBOX_HPP
#define BULLA_OUTBOX_HPP

#include "receipt.hpp"

namespace bulla {

/// What is sent, to whom, and what is awaited.
class letter {
  public:
    /// To these recipients, of whom each is to confirm that it is stored, until the deadline (seconds since 1970).
    static result<letter> make(const sent& what, std::string_view context, const std::vector<key>& recipients,
                               std::uint64_t deadline) {
        const detail::text_of text(context);
        if (!text.whole()) {
            return text.cut();
        }
        std::vector<bulla_key> keys(recipients.begin(), recipients.end());
        return detail::made<letter, bulla_letter>([&](auto** out, auto* why) {
            return bulla_letter_new(&what, text.get(), keys.data(), keys.size(), deadline, out, why);
        });
    }
    /// It is enough if the recipients confirm that it is delivered.
    result<void> until_delivered() {
        return detail::done([&](auto* why) { return bulla_letter_until_delivered(handle_.get(), why); });
    }
    /// What the host wants to remember: where to send it, for whom. Given with what is due.
    result<void> note(std::string_view note) {
        const detail::text_of text(note);
        if (!text.whole()) {
            return text.cut();
        }
        return detail::done([&](auto* why) { return bulla_letter_note(handle_.get(), text.get(), why); });
    }

  private:
    friend detail::access;
    explicit letter(bulla_letter* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_letter, &bulla_letter_free> handle_;
};

/// How far a message has come for one of its recipients.
enum class outbox_state : std::uint32_t {
    waiting = BULLA_OUTBOX_WAITING,
    settled = BULLA_OUTBOX_SETTLED,
    rejected = BULLA_OUTBOX_REJECTED,
    given_up = BULLA_OUTBOX_GIVEN_UP,
};

/// Which entries are listed.
enum class outbox_filter : std::uint32_t {
    all = BULLA_FILTER_ALL,
    waiting = BULLA_FILTER_WAITING,
    settled = BULLA_FILTER_SETTLED,
    failed = BULLA_FILTER_FAILED,
};

/// A message and one of its recipients; a copy.
struct outbox_entry {
    bulla::message_id message_id;
    digest header_digest;
    key recipient;
    std::uint64_t deadline = 0;
    std::uint64_t next_due = 0;
    std::uint32_t attempts = 0;
    outbox_state state = outbox_state::waiting;
    bool awaits_stored = false;
    std::string context;
    std::string note;
    /// What the last receipt that counted said, and its proof (receipt_proof::check()); empty if none came.
    std::string told;
    std::vector<std::uint8_t> proof;

    outbox_entry() = default;
    explicit outbox_entry(const bulla_outbox_entry& from)
        : message_id(from.message_id), header_digest(from.header_digest), recipient(from.recipient), deadline(from.deadline),
          next_due(from.next_due), attempts(from.attempts), state(static_cast<outbox_state>(from.state)),
          awaits_stored(from.awaits_stored != 0), context(detail::text(from.context)), note(detail::text(from.note)),
          told(detail::text(from.told)), proof(detail::view(from.proof).copy()) {}
};

/// Something to be sent to somebody.
struct due {
    bulla::message_id message_id;
    digest header_digest;
    key recipient;
    std::uint32_t attempts = 0;
    std::string note;
};

/// What is to be sent, given to this caller alone for ten minutes: send each, and mark it as sent.
class due_list {
  public:
    [[nodiscard]] std::size_t size() const noexcept { return bulla_due_list_count(handle_.get()); }
    [[nodiscard]] result<due> at(std::size_t index) const {
        bulla_due found{};
        return detail::answered<due>([&](auto* why) { return bulla_due_list_at(handle_.get(), index, &found, why); },
                                     [&](bulla_status) -> result<due> {
                                         return due{found.message_id, found.header_digest, found.recipient, found.attempts,
                                                    detail::text(found.note)};
                                     });
    }

  private:
    friend detail::access;
    explicit due_list(bulla_due_list* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_due_list, &bulla_due_list_free> handle_;
};

/// What a receipt has settled.
class settled {
  public:
    /// Whether it has changed what the outbox says.
    [[nodiscard]] bool is_new() const noexcept { return bulla_settled_is_new(handle_.get()) != 0; }
    [[nodiscard]] result<outbox_entry> entry() const {
        return detail::got<outbox_entry, bulla_outbox_entry>(
            [&](auto* out, auto* why) { return bulla_settled_entry(handle_.get(), out, why); });
    }
    /// Checked, and about a message of this outbox.
    [[nodiscard]] bulla::receipt receipt() const {
        return bulla::receipt(std::shared_ptr<const bulla_receipt>(handle_, bulla_settled_receipt(handle_.get())));
    }

    settled(settled&&) noexcept = default;
    settled& operator=(settled&&) noexcept = default;
    settled(const settled&) = delete;
    settled& operator=(const settled&) = delete;
    ~settled() = default;

  private:
    friend detail::access;
    explicit settled(bulla_settled* handle) : handle_(handle, &bulla_settled_free) {}
    std::shared_ptr<bulla_settled> handle_;
};

/// An envelope on its way into the outbox, in pieces. If it is not committed, nothing is left of it.
class outgoing {
  public:
    result<void> write(bytes_view envelope) {
        return detail::done([&](auto* why) { return bulla_outgoing_write(handle_.get(), envelope.data(), envelope.size(), why); });
    }
    /// Records it, durably; it is due at once.
    result<void> commit(const letter& with, std::uint64_t now) {
        return detail::done([&](auto* why) { return bulla_outgoing_commit(handle_.get(), detail::raw(with), now, why); });
    }

  private:
    friend detail::access;
    explicit outgoing(bulla_outgoing* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_outgoing, &bulla_outgoing_free> handle_;
};

/// An envelope of an outbox, read in pieces.
class outbox_reader {
  public:
    /// The next piece, of so many bytes but for the last one; none at the end.
    result<std::optional<buffer>> read(std::size_t at_most) {
        auto out = buffer::make();
        if (!out) {
            return out.error();
        }
        return detail::answered<std::optional<buffer>>(
            [&](auto* why) { return bulla_outbox_reader_read(handle_.get(), at_most, detail::raw(*out), why); },
            [&](bulla_status code) -> result<std::optional<buffer>> {
                return code == BULLA_NOTHING ? std::optional<buffer>() : std::optional<buffer>(*std::move(out));
            });
    }

    /// Goes to a place, from which it is read next. False if the envelope is not so long, and then it stays where it is.
    result<bool> seek(std::uint64_t place) {
        return detail::answered<bool>(
            [&](auto* why) { return bulla_outbox_reader_seek(handle_.get(), place, nullptr, why); },
            [](bulla_status code) -> result<bool> { return code == BULLA_OK; });
    }
    /// The length of the whole envelope in bytes.
    result<std::uint64_t> length() {
        std::uint64_t length = 0;
        return detail::answered<std::uint64_t>(
            [&](auto* why) { return bulla_outbox_reader_seek(handle_.get(), UINT64_MAX, &length, why); },
            [&](bulla_status) -> result<std::uint64_t> { return length; });
    }

  private:
    friend detail::access;
    explicit outbox_reader(bulla_outbox_reader* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_outbox_reader, &bulla_outbox_reader_free> handle_;
};

/// Put what is sealed before it is sent. Then, again and again: send what is due, and mark it as sent; settle with the receipts that
/// come; and tell what is given up. Every step is one transaction on the disk, and may be repeated.
class outbox {
  public:
    /// How long to wait before something is sent again, and at most, in seconds.
    using backoff = bulla_backoff;

    static result<outbox> make(const database& in, std::optional<backoff> wait = std::nullopt) {
        return detail::made<outbox, bulla_outbox>([&](auto** out, auto* why) {
            return bulla_outbox_new(detail::raw(in), wait ? &*wait : nullptr, out, why);
        });
    }
    /// Records an envelope before it is sent; it is due at once. If this fails, do not send it.
    [[nodiscard]] result<void> put(const letter& with, bytes_view envelope, std::uint64_t now) const {
        return detail::done([&](auto* why) {
            return bulla_outbox_put(handle_.get(), detail::raw(with), envelope.data(), envelope.size(), now, why);
        });
    }
    [[nodiscard]] result<outgoing> begin() const {
        return detail::made<outgoing, bulla_outgoing>(
            [&](auto** out, auto* why) { return bulla_outbox_begin(handle_.get(), out, why); });
    }
    /// What is to be sent now.
    [[nodiscard]] result<due_list> due(std::uint64_t now, std::size_t at_most) const {
        return detail::made<due_list, bulla_due_list>(
            [&](auto** out, auto* why) { return bulla_outbox_due(handle_.get(), now, at_most, out, why); });
    }
    /// Takes one envelope in order to send it now, due or not.
    [[nodiscard]] result<due_list> take(const digest& header, std::uint64_t now) const {
        return detail::made<due_list, bulla_due_list>(
            [&](auto** out, auto* why) { return bulla_outbox_take(handle_.get(), &header, now, out, why); });
    }
    /// What due() or take() gave last of an envelope: for a process that was told its name alone.
    [[nodiscard]] result<due_list> taken(const digest& header) const {
        return detail::made<due_list, bulla_due_list>(
            [&](auto** out, auto* why) { return bulla_outbox_taken(handle_.get(), &header, out, why); });
    }
    /// One of what was due was handed to the transport: it is due again after a while, unless a receipt comes.
    [[nodiscard]] result<void> mark_sent(const due_list& list, std::size_t index, std::uint64_t now) const {
        return detail::done(
            [&](auto* why) { return bulla_outbox_mark_sent(handle_.get(), detail::raw(list), index, now, why); });
    }
    /// An envelope to send: the identical one each time.
    [[nodiscard]] result<buffer> envelope(const digest& header) const {
        return detail::filled([&](auto* out, auto* why) { return bulla_outbox_envelope(handle_.get(), &header, out, why); });
    }
    [[nodiscard]] result<outbox_reader> reader(const digest& header) const {
        return detail::made<outbox_reader, bulla_outbox_reader>(
            [&](auto** out, auto* why) { return bulla_outbox_reader_new(handle_.get(), &header, out, why); });
    }
    /// Takes a receipt that came, checks it, and settles what it is about. BULLA_CONTENT_DIFFERS is to be told loudly.
    [[nodiscard]] result<settled> settle(const identity& author, bytes_view receipt, const clock* host_clock = nullptr) const {
        return detail::made<settled, bulla_settled>([&](auto** out, auto* why) {
            return bulla_outbox_settle(handle_.get(), detail::raw(author), detail::clock_or_system(host_clock), receipt.data(),
                                       receipt.size(), out, why);
        });
    }
    /// Gives up what has passed its deadline, and says once what that was: each is a failure to be told to its author.
    [[nodiscard]] result<std::vector<outbox_entry>> give_up(std::uint64_t now) const {
        return entries([&](auto** out, auto* why) { return bulla_outbox_give_up(handle_.get(), now, out, why); });
    }
    /// The oldest first.
    [[nodiscard]] result<std::vector<outbox_entry>> list(outbox_filter which, std::size_t at_most) const {
        return entries([&](auto** out, auto* why) {
            return bulla_outbox_list(handle_.get(), static_cast<std::uint32_t>(which), at_most, out, why);
        });
    }
    [[nodiscard]] result<std::vector<outbox_entry>> of_message(const message_id& id) const {
        return entries([&](auto** out, auto* why) { return bulla_outbox_of_message(handle_.get(), &id, out, why); });
    }
    /// What was sent of a message, one for each sealing.
    [[nodiscard]] result<std::vector<bulla::sent>> sent(const message_id& id) const {
        bulla_sent_list* list = nullptr;
        return detail::answered<std::vector<bulla::sent>>(
            [&](auto* why) { return bulla_outbox_sent(handle_.get(), &id, &list, why); },
            [&](bulla_status) -> result<std::vector<bulla::sent>> {
                const detail::handle<bulla_sent_list, &bulla_sent_list_free> owned(list);
                const bulla_sent* items = bulla_sent_list_items(list);
                return std::vector<bulla::sent>(items, items + bulla_sent_list_count(list));
            });
    }
    /// Forgets what is settled or failed for all recipients and was last touched before a time; tells how many messages.
    [[nodiscard]] result<std::size_t> forget(std::uint64_t before) const {
        return detail::got<std::size_t, std::size_t>(
            [&](auto* out, auto* why) { return bulla_outbox_forget(handle_.get(), before, out, why); });
    }
    /// Removes what a crash left beside the file.
    [[nodiscard]] result<void> clean() const {
        return detail::done([&](auto* why) { return bulla_outbox_clean(handle_.get(), why); });
    }

  private:
    friend detail::access;
    explicit outbox(bulla_outbox* handle) noexcept : handle_(handle) {}
    template <class Call> static result<std::vector<outbox_entry>> entries(Call&& call) {
        bulla_entry_list* list = nullptr;
        return detail::answered<std::vector<outbox_entry>>(
            [&](auto* why) { return call(&list, why); },
            [&](bulla_status) -> result<std::vector<outbox_entry>> {
                const detail::handle<bulla_entry_list, &bulla_entry_list_free> owned(list);
                std::vector<outbox_entry> all;
                bulla_outbox_entry entry{};
                for (std::size_t index = 0; bulla_entry_list_at(list, index, &entry, nullptr) == BULLA_OK; ++index) {
                    all.emplace_back(entry);
                }
                return all;
            });
    }
    detail::handle<bulla_outbox, &bulla_outbox_free> handle_;
};

} // namespace bulla

#endif
