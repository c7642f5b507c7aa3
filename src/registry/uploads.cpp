#include "registry/uploads.hpp"

#include <fmt/ranges.h>

#include <map>

#include "registry/rules.hpp"

namespace modelops::registry {
namespace {

constexpr std::int64_t clean_up_batch = 100;
constexpr std::ptrdiff_t named_max = 5;

}  // namespace

Transfer to_transfer(const TransferRow& row) {
  return {row.id,     row.upload_id, row.path,       row.state,      row.size_bytes, row.offset_bytes,
          row.sha256, row.unpack,    row.created_by, row.created_at, row.expires_at};
}

Upload Uploads::to_upload(db::Tx& tx, const UploadRow& row) {
  Upload out{row.id,
             row.name,
             row.state,
             row.digest,
             0,
             store::upload_files(tx, row.org_id.str(), row.id.str()),
             {},
             row.created_by,
             row.created_at,
             row.touched_at + limits_.age_max};
  out.size_bytes = total_bytes(out.files);
  for (const TransferRow& transfer : store::pending_transfers(tx, row.org_id.str(), row.id.str()))
    out.transfers.push_back(to_transfer(transfer));
  return out;
}

UploadRow Uploads::find_or_fail(db::Tx& tx, const Context& ctx, const UploadId& id) {
  auto found = store::find_upload(tx, ctx.org_id, id.str());
  const bool seen = found && (ctx.actor.kind == ActorKind::system || found->created_by == ctx.actor.id ||
                              ctx.may(identity::organization_see_all));
  if (!seen) fail(ErrorCode::not_found, fmt::format("There is no upload {} here.", id.str()));
  return std::move(*found);
}

UploadRow Uploads::find_open(db::Tx& tx, const Context& ctx, const UploadId& id) {
  UploadRow upload = find_or_fail(tx, ctx, id);
  if (upload.state != UploadState::open)
    fail(ErrorCode::conflict,
         "This upload was analysed or became a version, so its content is fixed. Begin a new upload.");
  return upload;
}

UploadRow Uploads::add(db::Tx& tx, const Context& ctx, const std::string& name) {
  const Time now = clock_.now();
  const UploadRow row{*identity::OrgId::parse(ctx.org_id),
                      UploadId::make(),
                      name,
                      UploadState::open,
                      std::nullopt,
                      ctx.actor.id,
                      now,
                      now};
  tx.insert("uploads", row);
  audit_.record(tx, ctx, {"upload.create", "upload", row.id.str()});
  events_.publish(tx, ctx.org_id, Audience::only(row.created_by), "upload.create", "upload", row.id.str());
  return row;
}

Upload Uploads::create(const Context& ctx, const CreateUpload& request) {
  return database_.write(ctx, [&](db::Tx& tx) { return to_upload(tx, add(tx, ctx, request.name.str())); });
}

Upload Uploads::get(const Context& ctx, const UploadReference& request) {
  return database_.read([&](db::Tx& tx) { return to_upload(tx, find_or_fail(tx, ctx, request.upload)); });
}

void Uploads::remove(const Context& ctx, const UploadReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const UploadRow row = find_or_fail(tx, ctx, request.upload);
    remove_with_files(tx, row);
    audit_.record(tx, ctx, {"upload.delete", "upload", row.id.str()});
    events_.publish(tx, ctx.org_id, Audience::only(row.created_by), "upload.delete", "upload", row.id.str());
  });
}

void Uploads::remove_with_files(db::Tx& tx, const UploadRow& row) {
  for (const TransferRow& transfer : store::transfers_of(tx, row.org_id.str(), row.id.str()))
    store::remove_transfer(tx, transfer);
  const auto files = store::upload_files(tx, row.org_id.str(), row.id.str());
  store::remove_upload(tx, row);
  for (const FileEntry& file : files) store::release_artifact(tx, row.org_id.str(), file.sha256.str(), clock_.now());
}

std::vector<std::string> Uploads::take(db::Tx& tx, const UploadRow& upload, const std::vector<ArrivedFile>& files) {
  const Time now = clock_.now();
  const std::string& org_id = upload.org_id.str();
  std::vector<std::string> redundant;
  for (const ArrivedFile& arrived : files) {
    const FileEntry& file = arrived.entry;
    const auto replaced = store::find_upload_file(tx, upload, file.path);
    if (store::find_artifact(tx, org_id, file.sha256.str())) {
      redundant.push_back(arrived.blob_key);
    } else {
      if (!store::claim_blob(tx, arrived.blob_key))
        fail(ErrorCode::conflict, "The file took too long to arrive. Upload it again.");
      tx.insert("artifacts", ArtifactRow{upload.org_id, file.sha256, file.size_bytes, arrived.blob_key, now});
    }
    store::put_upload_file(tx, upload, file);
    if (replaced && replaced->sha256 != file.sha256) store::release_artifact(tx, org_id, replaced->sha256.str(), now);
  }
  if (store::count_upload_files(tx, upload) > limits_.files_max)
    fail(ErrorCode::unprocessable, fmt::format("An upload may have {} files at most.", limits_.files_max));
  store::touch_upload(tx, upload, now);
  return redundant;
}

std::unique_ptr<storage::Upload> Uploads::begin_blob(std::uint64_t expected_bytes) {
  auto blob = blobs_.begin(expected_bytes);
  try {
    database_.write([&](db::Tx& tx) { store::add_unclaimed_blob(tx, blob->key().str(), clock_.now()); });
  } catch (...) {
    blob->abort();
    throw;
  }
  return blob;
}

void Uploads::require_arrived(db::Tx& tx, const UploadRow& row) {
  const std::vector<TransferRow> transfers = store::transfers_of(tx, row.org_id.str(), row.id.str());
  std::map<std::string_view, Time> arrived;
  for (const TransferRow& transfer : transfers)
    if (transfer.state == TransferState::complete)
      arrived[transfer.path] = std::max(arrived[transfer.path], transfer.created_at);
  std::vector<std::string_view> pending;
  for (const TransferRow& transfer : transfers) {
    if (transfer.state == TransferState::complete || transfer.expires_at < clock_.now()) continue;
    // A client that lost the answer to its beginning does not know of it, and began the file anew.
    const auto anew = arrived.find(transfer.path);
    if (anew == arrived.end() || anew->second < transfer.created_at) pending.push_back(transfer.path);
  }
  if (pending.empty()) return;
  std::string paths = fmt::format(
      "{}",
      fmt::join(pending.begin(), pending.begin() + std::min<std::ptrdiff_t>(std::ssize(pending), named_max), ", "));
  if (std::ssize(pending) > named_max) paths += fmt::format(" and {} more", std::ssize(pending) - named_max);
  fail(ErrorCode::conflict,
       fmt::format("Files of this upload are still on their way: {}. Wait until they have arrived, "
                   "or give them up (DELETE /api/v1/uploads/tus/{{transfer}}).",
                   paths));
}

Sha256Text Uploads::seal(db::Tx& tx, const Context& ctx, const UploadId& id) {
  const UploadRow row = find_or_fail(tx, ctx, id);
  if (row.state == UploadState::sealed) {
    store::touch_upload(tx, row, clock_.now());
    return *row.digest;
  }
  require_arrived(tx, row);
  const std::vector<FileEntry> files = store::upload_files(tx, ctx.org_id, id.str());
  check_tree(files);
  const Sha256Text digest = manifest_digest(files);
  store::seal_upload(tx, row, digest, clock_.now());
  audit_.record(tx, ctx, {"upload.seal", "upload", row.id.str(), {{"digest", digest.str()}}});
  events_.publish(tx, ctx.org_id, Audience::only(row.created_by), "upload.seal", "upload", row.id.str());
  return digest;
}

void Uploads::discard(const std::string& blob_key) noexcept {
  try {
    // When the commit that claimed it was answered by a lost connection, the blob is an artifact's after all.
    if (!database_.write([&](db::Tx& tx) { return store::doom_blob(tx, blob_key); })) return;
    remove_blob(blob_key);
    database_.write([&](db::Tx& tx) { store::forget_blob(tx, blob_key); });
  } catch (const std::exception& error) {
    Log().warning("a blob is left to the clean-up", {{"error", describe_exception(error)}});
  }
}

void Uploads::remove_blob(const std::string& blob_key) {
  const auto key = storage::BlobKey::parse(blob_key);
  if (!key) fail(ErrorCode::internal, "The clean-up met something unexpected.", blob_key);
  try {
    blobs_.resume(*key)->abort();
  } catch (const Error& error) {
    if (error.code != ErrorCode::not_found) throw;
  }
  blobs_.remove(*key);
}

bool Uploads::clean_up(const std::function<void(db::Tx&)>& check) {
  const Time before = clock_.now() - limits_.age_max;
  // What a process left that died between making a blob and noting its key.
  for (const storage::IncompleteBlob& blob : blobs_.incomplete(before)) {
    // A file on its way keeps its blob until it expires.
    if (database_.read([&](db::Tx& tx) { return store::is_transfer_blob(tx, blob.key.str()); })) continue;
    try {
      blobs_.resume(blob.key)->abort();
    } catch (const Error& error) {
      if (error.code != ErrorCode::not_found && error.code != ErrorCode::conflict) throw;
    }
  }
  const bool more = database_.write([&](db::Tx& tx) {
    check(tx);
    store::doom_blobs_from_before(tx, before);
    const auto expired = store::transfers_expired(tx, clock_.now(), clean_up_batch);
    for (const TransferRow& transfer : expired) store::remove_transfer(tx, transfer);
    const auto old = store::uploads_untouched_since(tx, before, clean_up_batch);
    for (const UploadRow& upload : old) {
      remove_with_files(tx, upload);
      events_.publish(tx, upload.org_id.str(), Audience::only(upload.created_by), "upload.expired", "upload",
                      upload.id.str());
    }
    return std::ssize(old) == clean_up_batch || std::ssize(expired) == clean_up_batch;
  });
  const auto doomed = database_.read([&](db::Tx& tx) { return store::doomed_blobs(tx, clean_up_batch); });
  std::vector<std::string> removed;
  for (const std::string& key : doomed) {
    try {
      remove_blob(key);
      removed.push_back(key);
    } catch (const Error& error) {
      if (error.code != ErrorCode::conflict) throw;  // still being written: later
    }
  }
  if (!removed.empty())
    database_.write([&](db::Tx& tx) {
      check(tx);
      for (const std::string& key : removed) store::forget_blob(tx, key);
    });
  return more || std::ssize(removed) == clean_up_batch;
}

}  // namespace modelops::registry
