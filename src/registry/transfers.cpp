#include "registry/transfers.hpp"

#include "base/text.hpp"
#include "platform/http/refusal.hpp"
#include "registry/rules.hpp"

namespace modelops::registry {
namespace {

/// What no repetition makes better.
bool is_final(const Error& error) {
  return error.code == ErrorCode::conflict || error.code == ErrorCode::unprocessable ||
         error.code == ErrorCode::not_found || error.code == ErrorCode::too_large;
}

http::Refusal locked(std::string message) {
  http::Refusal refusal(423, std::move(message));
  refusal.retry_after_seconds = 1;
  return refusal;
}

http::Refusal being_sent() {
  return locked("Another request is sending this file. Wait until it has ended, then ask where to go on.");
}

http::Refusal being_completed() {
  return locked(
      "All of this file has arrived, and it is being checked or unpacked. Wait, then ask whether it is done.");
}

std::int64_t bytes_of(const std::vector<TransferRow>& parts) {
  std::int64_t out = 0;
  for (const TransferRow& part : parts) out += *part.size_bytes;
  return out;
}

bool is_part(const TransferRow& row) { return row.concatenation == "partial"; }

storage::BlobKey key_of(const TransferRow& row) {
  const auto key = storage::BlobKey::parse(row.blob_key.value_or(""));
  if (!key) fail(ErrorCode::internal, "The upload is damaged. Upload the file again.", row.id.str());
  return *key;
}

}  // namespace

// ------------------------------------------------------------------------------------ beginning and ending

TransferRow Transfers::find_or_fail(db::Tx& tx, const Context& ctx, const TransferId& id) {
  auto found = store::find_transfer(tx, ctx.org_id, id.str());
  const bool seen = found && (found->created_by == ctx.actor.id || ctx.may(identity::organization_see_all));
  if (!seen) fail(ErrorCode::not_found, fmt::format("There is no file {} on its way here. Begin again.", id.str()));
  if (found->expires_at < clock_.now())
    fail(ErrorCode::gone, fmt::format("The upload {} has expired. Begin again.", id.str()));
  return std::move(*found);
}

TransferRow Transfers::create(const Context& ctx, const NewTransfer& request) {
  if (request.size_bytes.value_or(0) > static_cast<std::int64_t>(limits().file_bytes_max))
    fail(ErrorCode::too_large, fmt::format("A file may have {} bytes at most.", limits().file_bytes_max));
  const bool part = request.concatenation == "partial";
  auto blob = uploads_.begin_blob(static_cast<std::uint64_t>(request.size_bytes.value_or(0)));
  TransferRow row;
  try {
    row = database_.write([&](db::Tx& tx) {
      const Time now = clock_.now();
      std::optional<UploadId> upload_id = request.upload_id;
      if (upload_id)
        store::touch_upload(tx, uploads_.find_open(tx, ctx, *upload_id), now);
      else if (!part)
        upload_id = uploads_.add(tx, ctx, request.path.size() <= 128 ? request.path : "").id;
      const TransferRow made{*identity::OrgId::parse(ctx.org_id),
                             TransferId::make(),
                             upload_id,
                             request.path,
                             TransferState::receiving,
                             request.size_bytes,
                             0,
                             request.sha256,
                             request.unpack,
                             request.concatenation,
                             request.metadata,
                             blob->key().str(),
                             ctx.actor.id,
                             now,
                             now + limits().age_max};
      tx.insert("transfers", made);
      quotas_.check(tx, ctx.org_id);
      return made;
    });
  } catch (...) {
    blob->abort();
    uploads_.discard(blob->key().str());
    throw;
  }
  if (row.size_bytes != 0) return row;
  auto hold = std::make_shared<TransferHold>();
  hold->blob = std::move(blob);
  return Receiver(*this, ctx, std::move(row), std::move(hold), std::nullopt).finish();
}

TransferRow Transfers::get(const Context& ctx, const TransferReference& request) {
  const auto hold = hold_of(request.transfer);  // looked at first: an end that ends in between has left its row
  const bool ending = hold && hold->ending;
  TransferRow row = database_.read([&](db::Tx& tx) { return find_or_fail(tx, ctx, request.transfer); });
  if (ending && row.state != TransferState::complete) throw being_completed();
  return row;
}

TransferRow Transfers::recover(const Context& ctx, const TransferReference& request) {
  const auto hold = std::make_shared<TransferHold>();
  hold->ending = true;
  require(ctx, request);
  {
    const std::lock_guard lock(mutex_);
    auto& held = holds_[request.transfer];
    if (held.lock()) throw being_completed();
    held = hold;
  }
  const TransferRow row = database_.read([&](db::Tx& tx) { return find_or_fail(tx, ctx, request.transfer); });
  return row.state == TransferState::arrived ? complete(ctx, row) : row;
}

void Transfers::require(const Context& ctx, const TransferReference& request) {
  database_.read([&](db::Tx& tx) { find_or_fail(tx, ctx, request.transfer); });
}

void Transfers::remove(const Context& ctx, const TransferReference& request) {
  const TransferRow row = database_.write(ctx, [&](db::Tx& tx) {
    TransferRow found = find_or_fail(tx, ctx, request.transfer);
    store::remove_transfer(tx, found);
    audit_.record(tx, ctx, {"upload_transfer.delete", "upload_transfer", found.id.str()});
    return found;
  });
  if (row.blob_key) uploads_.discard(*row.blob_key);
}

/// Unless its blob is a file's.
void Transfers::give_up(const TransferRow& row) noexcept {
  try {
    database_.write([&](db::Tx& tx) {
      if (const auto found = store::find_transfer(tx, row.org_id.str(), row.id.str()); found && found->blob_key)
        store::remove_transfer(tx, *found);
    });
    if (row.blob_key) uploads_.discard(*row.blob_key);
  } catch (const std::exception& error) {
    Log().warning("an upload is left to the clean-up", {{"error", describe_exception(error)}});
  }
}

// ------------------------------------------------------------------------------------------------ receiving

std::unique_ptr<storage::Upload> Transfers::open_blob(const TransferRow& row) {
  const storage::BlobKey key = key_of(row);
  try {
    return blobs_.resume(key);
  } catch (const Error& error) {
    if (error.code != ErrorCode::conflict) throw;
  }
  const std::shared_ptr<TransferHold> other = hold_of(row.id);
  if (!other) throw being_sent();
  if (other->ending) throw being_completed();
  // A connection that broke without a word is not known to be dead before its time-out.
  const std::unique_lock lock(other->mutex, std::try_to_lock);
  if (!lock || !other->blob || clock_.now() - other->last_write < options_.silence_max) throw being_sent();
  if (other->ending) throw being_completed();
  return std::move(other->blob);
}

std::shared_ptr<TransferHold> Transfers::hold_of(const TransferId& id) {
  const std::lock_guard lock(mutex_);
  const auto found = holds_.find(id);
  return found == holds_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<TransferHold> Transfers::take_hold(const TransferRow& row) {
  auto hold = std::make_shared<TransferHold>();
  hold->blob = open_blob(row);
  hold->last_write = clock_.now();
  const std::lock_guard lock(mutex_);
  std::erase_if(holds_, [](const auto& entry) { return entry.second.expired(); });
  holds_[row.id] = hold;
  return hold;
}

TransferRow Transfers::declare_size(const Context& ctx, const TransferRow& row, std::int64_t size_bytes) {
  if (row.size_bytes && *row.size_bytes != size_bytes)
    fail(ErrorCode::invalid, fmt::format("Upload-Length was {} before and cannot change.", *row.size_bytes));
  if (size_bytes > static_cast<std::int64_t>(limits().file_bytes_max))
    fail(ErrorCode::too_large, fmt::format("A file may have {} bytes at most.", limits().file_bytes_max));
  if (size_bytes < row.offset_bytes)
    fail(ErrorCode::invalid, fmt::format("Upload-Length is less than the {} bytes that are here.", row.offset_bytes));
  return database_.write([&](db::Tx& tx) {
    store::set_transfer_size(tx, row, size_bytes);
    quotas_.check(tx, ctx.org_id);
    return find_or_fail(tx, ctx, row.id);
  });
}

std::unique_ptr<Transfers::Receiver> Transfers::receive(const Context& ctx, const TransferId& id,
                                                        std::int64_t offset_bytes,
                                                        std::optional<std::int64_t> size_bytes,
                                                        std::optional<tus::Checksum> checksum) {
  TransferRow row = get(ctx, {id});
  if (row.concatenation.starts_with("final"))
    fail(ErrorCode::forbidden, "A concatenated upload takes no bytes of its own.");
  const auto require_offset = [&] {
    if (offset_bytes != row.offset_bytes)
      fail(ErrorCode::conflict,
           fmt::format("Upload-Offset is {}, but the upload stands at {}. Ask with HEAD and go on from there.",
                       offset_bytes, row.offset_bytes));
  };
  require_offset();
  if (row.state != TransferState::receiving)
    return std::make_unique<Receiver>(*this, ctx, std::move(row), nullptr, std::nullopt);
  auto hold = take_hold(row);
  // Whoever held it may have got further.
  row = database_.read([&](db::Tx& tx) { return find_or_fail(tx, ctx, id); });
  require_offset();
  if (size_bytes) row = declare_size(ctx, row, *size_bytes);
  hold->blob->truncate(static_cast<std::uint64_t>(row.offset_bytes));
  return std::make_unique<Receiver>(*this, ctx, std::move(row), std::move(hold), std::move(checksum));
}

TransferRow Transfers::record(TransferRow row, std::int64_t end_bytes, const std::string& part_sha256,
                              const std::string& sha256) {
  return database_.write([&](db::Tx& tx) {
    TransferRow now = row;
    now.offset_bytes = end_bytes;
    now.expires_at = clock_.now() + limits().age_max;
    if (!sha256.empty()) {
      now.state = TransferState::arrived;
      now.sha256 = Sha256Text::parse(sha256);
    }
    if (!store::advance_transfer(tx, now, row.offset_bytes))
      fail(ErrorCode::conflict, "The upload was given up meanwhile. Ask with HEAD where it stands.");
    if (end_bytes > row.offset_bytes) {
      if (store::count_transfer_parts(tx, row) >= options_.parts_max)
        fail(ErrorCode::unprocessable, "The file came in too many small parts. Upload it again in larger ones.");
      tx.insert("transfer_parts", TransferPartRow{row.org_id, row.id, end_bytes, *Sha256Text::parse(part_sha256)});
    }
    if (row.upload_id)
      if (const auto upload = store::find_upload(tx, row.org_id.str(), row.upload_id->str());
          upload && upload->touched_at + std::chrono::minutes(1) < clock_.now())
        store::touch_upload(tx, *upload, clock_.now());
    if (!row.size_bytes) quotas_.check(tx, row.org_id.str());
    return now;
  });
}

Transfers::Receiver::Receiver(Transfers& transfers, Context ctx, TransferRow row, std::shared_ptr<TransferHold> hold,
                              std::optional<tus::Checksum> checksum)
    : transfers_(transfers),
      ctx_(std::move(ctx)),
      row_(std::move(row)),
      hold_(std::move(hold)),
      checksum_(std::move(checksum)),
      checked_(checksum_ && checksum_->sha1 ? crypto::ChecksumAlgorithm::sha1 : crypto::ChecksumAlgorithm::sha256),
      resumed_(row_.offset_bytes > 0) {}

Transfers::Receiver::~Receiver() {
  if (ended_ || checksum_ || part_bytes_ == 0 || is_whole()) return;
  try {
    const std::lock_guard lock(hold_->mutex);
    if (hold_->blob) record({});
  } catch (const std::exception& error) {
    Log().info("what a lost connection had sent is not kept", {{"error", describe_exception(error)}});
  }
}

storage::Upload& Transfers::Receiver::blob() {
  if (!hold_ || !hold_->blob)
    fail(ErrorCode::conflict, "Another request went on with this upload. Ask with HEAD where it stands.");
  return *hold_->blob;
}

void Transfers::Receiver::record(const std::string& sha256) {
  blob().sync();
  row_ = transfers_.record(row_, offset(), to_hex(part_.finish()), sha256);
  part_bytes_ = 0;
}

void Transfers::Receiver::write(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto size = static_cast<std::int64_t>(bytes.size());
  const std::int64_t most = row_.size_bytes.value_or(static_cast<std::int64_t>(transfers_.limits().file_bytes_max));
  if (size > most - offset())
    fail(ErrorCode::too_large, row_.size_bytes ? fmt::format("More arrives than the {} bytes of Upload-Length.", most)
                                               : fmt::format("A file may have {} bytes at most.", most));
  const std::lock_guard lock(hold_->mutex);
  blob().write(bytes);
  hold_->last_write = transfers_.clock_.now();
  part_bytes_ += size;
  part_.update(bytes);
  // Nobody takes the hold from one that waits for the thread that ends it.
  if (is_whole()) hold_->ending = true;
  if (checksum_) {
    checked_.update(bytes);
  } else if (part_bytes_ >= static_cast<std::int64_t>(transfers_.options_.part_bytes_max) && !is_whole()) {
    record({});
  }
}

bool Transfers::Receiver::finishes_slowly() const {
  if (row_.state == TransferState::arrived) return true;
  return row_.state == TransferState::receiving && is_whole() &&
         (row_.unpack || (resumed_ && *row_.size_bytes >= transfers_.options_.slow_bytes_min));
}

TransferRow Transfers::Receiver::finish() {
  if (row_.state == TransferState::arrived) return transfers_.recover(ctx_, {row_.id});
  if (row_.state == TransferState::complete) return row_;
  if (is_whole()) hold_->ending = true;
  {
    const std::lock_guard lock(hold_->mutex);
    if (checksum_ && checked_.finish() != checksum_->digest) {
      ended_ = true;
      blob().truncate(static_cast<std::uint64_t>(row_.offset_bytes));
      throw http::Refusal(460, "What arrived does not have the digest of Upload-Checksum. Send it again.");
    }
    if (!is_whole()) {
      if (part_bytes_ > 0) record({});
      ended_ = true;
      return row_;
    }
    ended_ = true;
    std::vector<storage::PartDigest> parts;
    for (const TransferPartRow& part :
         transfers_.database_.read([&](db::Tx& tx) { return store::transfer_parts(tx, row_); }))
      parts.push_back({static_cast<std::uint64_t>(part.end_bytes), part.sha256.str()});
    std::string digest;
    try {
      digest = blob().digest(parts);
    } catch (...) {
      blob().abort();
      transfers_.give_up(row_);
      throw;
    }
    if (row_.sha256 && row_.sha256->str() != digest) {
      blob().abort();
      transfers_.give_up(row_);
      throw Error(ErrorCode::unprocessable,
                  fmt::format("What arrived has the SHA-256 {}, not {}. Nothing was kept; upload it again.", digest,
                              row_.sha256->str()),
                  {}, {{"/sha256", "is not the digest of what arrived"}});
    }
    // From here on it survives a crash: whoever asks for it next completes it.
    record(digest);
    blob().complete();
  }
  return transfers_.complete(ctx_, row_);
}

// ----------------------------------------------------------------------------------------------- completing

TransferRow Transfers::complete(const Context& ctx, const TransferRow& row) {
  try {
    blobs_.resume(key_of(row))->complete();
  } catch (const Error& error) {
    if (error.code == ErrorCode::conflict) throw being_sent();
    if (error.code != ErrorCode::not_found) throw;  // not found: it is complete
  }
  try {
    return complete_as_files(ctx, row);
  } catch (const Error& error) {
    if (is_final(error)) give_up(row);
    throw;
  }
}

TransferRow Transfers::complete_as_files(const Context& ctx, const TransferRow& row) {
  std::vector<ArrivedFile> files;
  if (row.unpack) {
    files = unpack(ctx, row);
  } else if (!is_part(row)) {
    files.push_back({{*RelativePath::parse(row.path), *row.size_bytes, *row.sha256}, *row.blob_key});
  }
  std::vector<std::string> redundant;
  const auto discard = [&] {
    for (const std::string& key : redundant) uploads_.discard(key);
  };
  try {
    const TransferRow done = database_.write([&](db::Tx& tx) {
      TransferRow out = row;
      out.state = TransferState::complete;
      out.expires_at = clock_.now() + limits().age_max;
      if (!is_part(row)) out.blob_key.reset();
      redundant.clear();
      if (!store::complete_transfer(tx, out, out.expires_at)) {
        if (row.unpack)
          for (const ArrivedFile& file : files) redundant.push_back(file.blob_key);
        return find_or_fail(tx, ctx, row.id);
      }
      if (is_part(row)) return out;
      redundant = uploads_.take(tx, uploads_.find_open(tx, ctx, *row.upload_id), files);
      if (row.unpack) {
        redundant.push_back(*row.blob_key);
        quotas_.check(tx, ctx.org_id);
      }
      return out;
    });
    discard();
    return done;
  } catch (...) {
    if (row.unpack)
      for (const ArrivedFile& file : files) uploads_.discard(file.blob_key);
    throw;
  }
}

std::vector<ArrivedFile> Transfers::unpack(const Context& ctx, const TransferRow& row) {
  /// Each file of the archive becomes a blob that nothing holds yet.
  struct Unpacked final : Unpacker::Target {
    explicit Unpacked(Uploads& to) : uploads(to) {}
    ~Unpacked() override {
      if (blob) blob->abort();
      for (const ArrivedFile& file : files) uploads.discard(file.blob_key);
    }
    void begin(const std::string& name) override {
      path = *RelativePath::parse(name);
      blob = uploads.begin_blob(0);
    }
    void write(std::string_view bytes) override { blob->write(bytes); }
    void end() override {
      const storage::CompletedBlob done = blob->complete();
      blob.reset();
      files.push_back(
          {{path, static_cast<std::int64_t>(done.size_bytes), *Sha256Text::parse(done.sha256)}, done.key.str()});
    }
    Uploads& uploads;
    RelativePath path;
    std::unique_ptr<storage::Upload> blob;
    std::vector<ArrivedFile> files;
  };
  const StorageUsage usage = database_.read([&](db::Tx& tx) {
    uploads_.find_open(tx, ctx, *row.upload_id);
    return quotas_.usage_of(tx, ctx.org_id);
  });
  const std::int64_t room = std::max<std::int64_t>(usage.bytes_max - usage.bytes_kept - usage.bytes_pending, 0);
  Unpacked unpacked(uploads_);
  unpacker_.unpack(*blobs_.open(key_of(row)), {limits().files_max, static_cast<std::uint64_t>(room)}, unpacked);
  // A folder that was packed as a whole is the model's own: its name is left out, as for a folder that is uploaded.
  std::vector<std::string> paths;
  for (const ArrivedFile& file : unpacked.files) paths.push_back(file.entry.path.str());
  const std::size_t folder = common_folder(paths);
  for (ArrivedFile& file : unpacked.files) file.entry.path = *RelativePath::parse(file.entry.path.str().substr(folder));
  return std::exchange(unpacked.files, {});
}

// -------------------------------------------------------------------------------------------- concatenating

std::vector<TransferRow> Transfers::parts_of(const Context& ctx, const std::vector<std::string>& names) {
  std::vector<TransferRow> out;
  for (const std::string& name : names) {
    const auto id = TransferId::parse(name);
    if (!id) fail(ErrorCode::not_found, "Upload-Concat names an upload that is not here.");
    const TransferRow& part = out.emplace_back(get(ctx, {*id}));
    if (!is_part(part) || part.state != TransferState::complete)
      fail(ErrorCode::conflict, fmt::format("{} is not a partial upload that is complete.", id->str()));
  }
  return out;
}

bool Transfers::concatenates_slowly(const NewTransfer& request, const std::vector<TransferRow>& parts) const {
  return request.unpack || bytes_of(parts) >= options_.slow_bytes_min;
}

TransferRow Transfers::concatenate(const Context& ctx, const NewTransfer& request,
                                   const std::vector<TransferRow>& parts) {
  NewTransfer whole = request;
  whole.size_bytes = bytes_of(parts);
  TransferRow row = create(ctx, whole);
  if (row.state != TransferState::complete) row = join(ctx, row, parts);
  for (const TransferRow& part : parts) give_up(part);
  return row;
}

TransferRow Transfers::join(const Context& ctx, const TransferRow& row, const std::vector<TransferRow>& parts) {
  try {
    Receiver receiver(*this, ctx, row, take_hold(row), std::nullopt);
    std::vector<char> buffer(1 << 20);
    for (const TransferRow& part : parts) {
      const auto blob = blobs_.open(key_of(part));
      for (std::uint64_t at = 0; at < blob->size_bytes();) {
        const std::size_t got = blob->read_at(at, buffer);
        receiver.write({buffer.data(), got});
        at += got;
      }
    }
    return receiver.finish();
  } catch (...) {
    give_up(row);
    throw;
  }
}

}  // namespace modelops::registry
