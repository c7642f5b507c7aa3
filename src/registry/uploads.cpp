#include "registry/uploads.hpp"

#include "registry/rules.hpp"

namespace modelops::registry {
namespace {

constexpr std::int64_t clean_up_batch = 100;

[[noreturn]] void too_large(std::uint64_t bytes_max) {
  fail(ErrorCode::too_large, fmt::format("A file may have {} bytes at most.", bytes_max));
}

void require_open(const UploadRow& upload) {
  if (upload.state != UploadState::open)
    fail(ErrorCode::conflict,
         "This upload was analysed or became a version, so its content is fixed. Begin a new upload.");
}

}  // namespace

/// The file is written under a key that the database knows as unclaimed, so that it is found and removed whenever
/// this process dies.
class Uploads::FileSink final : public http::BodySink {
 public:
  FileSink(Uploads& uploads, Context ctx, PutUploadFile request, std::unique_ptr<storage::Upload> blob)
      : uploads_(uploads), ctx_(std::move(ctx)), request_(std::move(request)), blob_(std::move(blob)) {}
  ~FileSink() override {
    if (kept_) return;
    const std::string key = blob_->key().str();
    try {
      blob_->abort();
    } catch (const std::exception& error) {
      Log().warning("a blob is left to the clean-up", {{"error", describe_exception(error)}});
    }
    uploads_.discard(key);
  }

  void write(std::string_view bytes) override {
    if (blob_->offset() + bytes.size() > uploads_.limits_.file_bytes_max) too_large(uploads_.limits_.file_bytes_max);
    blob_->write(bytes);
  }

  http::Response finish() override {
    const storage::CompletedBlob blob = blob_->complete();
    if (request_.sha256 && request_.sha256->str() != blob.sha256)
      throw Error(ErrorCode::unprocessable,
                  fmt::format("What arrived has the SHA-256 {}, not {}. Nothing was kept; upload it again.",
                              blob.sha256, request_.sha256->str()),
                  {}, {{"/sha256", "is not the digest of what arrived"}});
    const FileEntry file = uploads_.adopt(ctx_, request_, blob);
    kept_ = true;
    http::Response response;
    response.status = 201;
    response.headers.set("Content-Type", "application/json");
    response.body = reflect::to_json(file);
    return response;
  }

 private:
  Uploads& uploads_;
  const Context ctx_;
  const PutUploadFile request_;
  std::unique_ptr<storage::Upload> blob_;
  bool kept_ = false;
};

Upload Uploads::to_upload(db::Tx& tx, const UploadRow& row) {
  std::vector<FileEntry> files = store::upload_files(tx, row.org_id.str(), row.id.str());
  const std::int64_t size = total_bytes(files);
  return {row.id,         row.name,       row.state,
          row.digest,     size,           std::move(files),
          row.created_by, row.created_at, row.touched_at + limits_.age_max};
}

UploadRow Uploads::find_or_fail(db::Tx& tx, const Context& ctx, const UploadId& id) {
  auto found = store::find_upload(tx, ctx.org_id, id.str());
  const bool seen = found && (ctx.actor.kind == ActorKind::system || found->created_by == ctx.actor.id ||
                              ctx.may(identity::organization_see_all));
  if (!seen) fail(ErrorCode::not_found, fmt::format("There is no upload {} here.", id.str()));
  return std::move(*found);
}

Upload Uploads::create(const Context& ctx, const CreateUpload& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const Time now = clock_.now();
    const UploadRow row{*identity::OrgId::parse(ctx.org_id),
                        UploadId::make(),
                        request.name.str(),
                        UploadState::open,
                        std::nullopt,
                        ctx.actor.id,
                        now,
                        now};
    tx.insert("uploads", row);
    audit_.record(tx, ctx, {"upload.create", "upload", row.id.str()});
    events_.publish(tx, ctx.org_id, Audience::only(row.created_by), "upload.create", "upload", row.id.str());
    return to_upload(tx, row);
  });
}

Upload Uploads::get(const Context& ctx, const UploadReference& request) {
  return database_.read([&](db::Tx& tx) { return to_upload(tx, find_or_fail(tx, ctx, request.upload)); });
}

void Uploads::remove(const Context& ctx, const UploadReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const UploadRow row = find_or_fail(tx, ctx, request.upload);
    const auto files = store::upload_files(tx, ctx.org_id, row.id.str());
    store::remove_upload(tx, row);
    for (const FileEntry& file : files) store::release_artifact(tx, ctx.org_id, file.sha256.str(), clock_.now());
    audit_.record(tx, ctx, {"upload.delete", "upload", row.id.str()});
    events_.publish(tx, ctx.org_id, Audience::only(row.created_by), "upload.delete", "upload", row.id.str());
  });
}

Sha256Text Uploads::seal(db::Tx& tx, const Context& ctx, const UploadId& id) {
  const UploadRow row = find_or_fail(tx, ctx, id);
  if (row.state == UploadState::sealed) {
    store::touch_upload(tx, row, clock_.now());
    return *row.digest;
  }
  const std::vector<FileEntry> files = store::upload_files(tx, ctx.org_id, id.str());
  check_tree(files);
  const Sha256Text digest = manifest_digest(files);
  store::seal_upload(tx, row, digest, clock_.now());
  audit_.record(tx, ctx, {"upload.seal", "upload", row.id.str(), {{"digest", digest.str()}}});
  events_.publish(tx, ctx.org_id, Audience::only(row.created_by), "upload.seal", "upload", row.id.str());
  return digest;
}

std::unique_ptr<http::BodySink> Uploads::put_file(const Context& ctx, const PutUploadFile& request,
                                                  const http::Request& head) {
  if (head.content_length.value_or(0) > limits_.file_bytes_max) too_large(limits_.file_bytes_max);
  database_.read([&](db::Tx& tx) { require_open(find_or_fail(tx, ctx, request.upload)); });
  auto blob = blobs_.begin(head.content_length.value_or(0));
  try {
    database_.write([&](db::Tx& tx) { store::add_unclaimed_blob(tx, blob->key().str(), clock_.now()); });
  } catch (...) {
    blob->abort();
    throw;
  }
  return std::make_unique<FileSink>(*this, ctx, request, std::move(blob));
}

FileEntry Uploads::adopt(const Context& ctx, const PutUploadFile& request, const storage::CompletedBlob& blob) {
  const FileEntry file{request.path, static_cast<std::int64_t>(blob.size_bytes), *Sha256Text::parse(blob.sha256)};
  const bool is_new = database_.write([&](db::Tx& tx) {
    const Time now = clock_.now();
    // It may have been sealed or removed while the file arrived.
    const UploadRow upload = find_or_fail(tx, ctx, request.upload);
    require_open(upload);
    const auto replaced = store::find_upload_file(tx, upload, file.path);
    if (!replaced && store::count_upload_files(tx, upload) >= limits_.files_max)
      fail(ErrorCode::unprocessable, fmt::format("An upload may have {} files at most.", limits_.files_max));
    const bool unknown = !store::find_artifact(tx, ctx.org_id, blob.sha256);
    if (unknown) {
      if (!store::claim_blob(tx, blob.key.str()))
        fail(ErrorCode::conflict, "The file took too long to arrive. Upload it again.");
      tx.insert("artifacts", ArtifactRow{upload.org_id, file.sha256, file.size_bytes, blob.key.str(), now});
    }
    store::put_upload_file(tx, upload, file);
    store::touch_upload(tx, upload, now);
    if (replaced && replaced->sha256 != file.sha256)
      store::release_artifact(tx, ctx.org_id, replaced->sha256.str(), now);
    return unknown;
  });
  if (!is_new) discard(blob.key.str());
  return file;
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
    try {
      blobs_.resume(blob.key)->abort();
    } catch (const Error& error) {
      if (error.code != ErrorCode::not_found && error.code != ErrorCode::conflict) throw;
    }
  }
  const bool more = database_.write([&](db::Tx& tx) {
    check(tx);
    store::doom_blobs_from_before(tx, before);
    const auto old = store::uploads_untouched_since(tx, before, clean_up_batch);
    for (const UploadRow& upload : old) {
      const auto files = store::upload_files(tx, upload.org_id.str(), upload.id.str());
      store::remove_upload(tx, upload);
      for (const FileEntry& file : files)
        store::release_artifact(tx, upload.org_id.str(), file.sha256.str(), clock_.now());
      events_.publish(tx, upload.org_id.str(), Audience::only(upload.created_by), "upload.expired", "upload",
                      upload.id.str());
    }
    return std::ssize(old) == clean_up_batch;
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
