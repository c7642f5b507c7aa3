#include "cli/uploads.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "base/text.hpp"
#include "cli/flows.hpp"
#include "cli/output.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Sent, checked and acknowledged at once: what an interruption costs at most.
constexpr std::int64_t part_bytes_max = 8 << 20;
constexpr std::chrono::milliseconds pause{300};

struct LocalFile {
  fs::path local;
  std::string path;  ///< in the upload
  std::int64_t size_bytes = 0;
};

std::vector<LocalFile> files_of(const std::vector<std::string>& paths) {
  std::vector<LocalFile> out;
  const auto add = [&](const fs::path& local, std::string path) {
    out.push_back({local, std::move(path), static_cast<std::int64_t>(fs::file_size(local))});
  };
  for (const std::string& path : paths) {
    if (!fs::exists(path)) fail(ErrorCode::invalid, fmt::format("{} does not exist.", path));
    if (!fs::is_directory(path)) {
      add(path, fs::path(path).filename().string());
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      const fs::path inside = fs::relative(entry.path(), path);
      const bool hidden = std::ranges::any_of(inside, [](const auto& part) { return part.string().starts_with("."); });
      if (entry.is_regular_file() && !hidden) add(entry.path(), inside.generic_string());
    }
  }
  if (out.empty()) fail(ErrorCode::invalid, "There is nothing to upload.");
  return out;
}

/// The id of an upload that was begun and not finished, in a file named after the server and the files.
class Memory {
 public:
  Memory(const Api& api, const std::vector<LocalFile>& files, fs::path folder) {
    if (folder.empty()) folder = default_folder();
    std::string about = api.profile().url + "\n" + crypto::sha256_hex(api.profile().token) + "\n";
    for (const LocalFile& file : files)
      about += fmt::format("{} {} {} {}\n", fs::absolute(file.local).string(), file.path, file.size_bytes,
                           fs::last_write_time(file.local).time_since_epoch().count());
    file_ = folder / crypto::sha256_hex(about);
  }
  std::string recall() const {
    std::string id;
    std::ifstream(file_) >> id;
    return id;
  }
  /// Without a place to remember it, an upload that is interrupted begins anew.
  void keep(const std::string& id) const {
    std::error_code ignored;
    fs::create_directories(file_.parent_path(), ignored);
    std::ofstream(file_) << id << '\n';
  }
  void forget() const {
    std::error_code ignored;
    fs::remove(file_, ignored);
  }

 private:
  static fs::path default_folder() {
    const char* cache = std::getenv("XDG_CACHE_HOME");  // NOLINT(concurrency-mt-unsafe)
    const char* home = std::getenv("HOME");             // NOLINT(concurrency-mt-unsafe)
    const fs::path base = cache != nullptr && *cache != '\0' ? fs::path(cache)
                          : home != nullptr                  ? fs::path(home) / ".cache"
                                                             : fs::temp_directory_path();
    return base / "modelops" / "uploads";
  }
  fs::path file_;
};

/// One archive stands for what is in it, as in the web app.
bool is_archive(const std::vector<LocalFile>& files) {
  return files.size() == 1 && std::ranges::any_of(std::array{".zip", ".tar", ".tar.gz", ".tgz"}, [&](const char* end) {
           return to_lower_ascii(files.front().path).ends_with(end);
         });
}

/// Sends one file and goes on after whatever may pass: a lost connection, a restart of the server, another writer.
class Sending {
 public:
  Sending(Api& api, const LocalFile& file, bool unpack, std::chrono::seconds patience)
      : api_(api), file_(file), unpack_(unpack), patience_(patience), progress_("upload " + printable(file.path)) {}

  /// `address`: of the transfer when it was begun before; else empty.
  void run(const std::string& upload, std::string address) {
    while (!done_) {
      try {
        if (address.empty()) address = begin(upload);
        if (offset_ < 0) ask(address);
        if (offset_ < file_.size_bytes) send_part(address);
        done_ = offset_ == file_.size_bytes;
        moved_at_ = Clock::now();
        show();
      } catch (const Busy& busy) {
        progress_.update(-1, busy.why);
        wait();
        moved_at_ = Clock::now();
      } catch (const Error& error) {
        const bool lost = error.code == ErrorCode::not_found || error.code == ErrorCode::gone;
        if (lost && !address.empty() && offset_ < 0)
          address.clear();  // it expired meanwhile
        else if (!may_pass(error) || Clock::now() - moved_at_ >= patience_)
          throw;
        else
          wait();
        offset_ = -1;
      }
    }
    progress_.finish(human_bytes(static_cast<std::uint64_t>(file_.size_bytes)));
  }

 private:
  /// The server works on what has arrived, however long that takes; or a connection is not known to be dead yet.
  struct Busy {
    std::string why;
  };

  void wait() {
    std::this_thread::sleep_for(pause);
    offset_ = -1;
  }

  static bool may_pass(const Error& error) {
    switch (error.code) {
      case ErrorCode::unavailable:
      case ErrorCode::bad_gateway:
      case ErrorCode::gateway_timeout:
      case ErrorCode::timeout:
      case ErrorCode::too_many_requests: return true;
      default: return false;
    }
  }

  http::Response exchange(http::Method method, const std::string& path, http::Headers headers, std::string body = {}) {
    headers.set("Tus-Resumable", "1.0.0");
    http::Response answer = api_.exchange(method, path, headers, std::move(body));
    if (answer.status == 423) throw Busy{error_of(answer).message};
    // Damaged on the way.
    if (answer.status == 460) fail(ErrorCode::unavailable, error_of(answer).message);
    if (answer.status >= 400) throw error_of(answer);
    return answer;
  }

  std::string begin(const std::string& upload) {
    http::Headers headers;
    headers.set("Upload-Length", std::to_string(file_.size_bytes));
    headers.set("Upload-Metadata", fmt::format("upload {},path {},unpack {}", to_base64(upload), to_base64(file_.path),
                                               to_base64(unpack_ ? "true" : "false")));
    const http::Response answer = exchange(http::Method::post, "/api/v1/uploads/tus", headers);
    offset_ = 0;
    return std::string(answer.headers.get("Location"));
  }

  void take_offset(const http::Response& answer) {
    const auto offset = parse_count(answer.headers.get("Upload-Offset"));
    if (!offset || *offset > file_.size_bytes)
      fail(ErrorCode::bad_gateway, "The server does not say where the upload stands.");
    offset_ = *offset;
  }
  void ask(const std::string& address) { take_offset(exchange(http::Method::head, address, {})); }

  void send_part(const std::string& address) {
    std::string part(static_cast<std::size_t>(std::min(part_bytes_max, file_.size_bytes - offset_)), '\0');
    std::ifstream stream(file_.local, std::ios::binary);
    stream.seekg(offset_);
    if (!stream.read(part.data(), static_cast<std::streamsize>(part.size())))
      fail(ErrorCode::invalid, fmt::format("{} cannot be read.", file_.local.string()));
    http::Headers headers;
    headers.set("Content-Type", "application/offset+octet-stream");
    headers.set("Upload-Offset", std::to_string(offset_));
    headers.set("Upload-Checksum", "sha256 " + to_base64(crypto::sha256(part)));
    take_offset(exchange(http::Method::patch, address, headers, std::move(part)));
  }

  void show() {
    progress_.update(file_.size_bytes == 0 ? 1 : static_cast<double>(offset_) / static_cast<double>(file_.size_bytes),
                     human_bytes(static_cast<std::uint64_t>(offset_)));
  }

  Api& api_;
  const LocalFile& file_;
  const bool unpack_;
  const std::chrono::seconds patience_;
  Progress progress_;
  std::int64_t offset_ = -1;  ///< -1: to be asked for
  bool done_ = false;
  Clock::time_point moved_at_ = Clock::now();
};

/// What an upload has already.
struct Present {
  std::string id;
  std::map<std::string, std::int64_t> sizes;     ///< of its files, by path
  std::map<std::string, std::string> transfers;  ///< addresses of files on their way, by path
};

Present begun_before(Api& api, const std::string& id) {
  Present out;
  if (id.empty()) return out;
  try {
    const boost::json::value upload = api.get("/api/v1/uploads/" + http::percent_encode(id));
    if (text_member(upload, "state") != "open") return out;
    out.id = id;
    for (const auto& file : upload.at("files").as_array())
      out.sizes[text_member(file, "path")] = file.at("size_bytes").to_number<std::int64_t>();
    for (const auto& transfer : upload.at("transfers").as_array())
      out.transfers[text_member(transfer, "path")] = "/api/v1/uploads/tus/" + text_member(transfer, "id");
  } catch (const Error& error) {
    if (error.code != ErrorCode::not_found) throw;
  }
  return out;
}

}  // namespace

std::string upload_files(Api& api, const std::vector<std::string>& paths, const UploadOptions& options) {
  const std::vector<LocalFile> files = files_of(paths);
  const Memory memory(api, files, options.memory);
  Present present = begun_before(api, memory.recall());
  if (present.id.empty()) present.id = text_member(api.post("/api/v1/uploads", boost::json::object()), "id");
  memory.keep(present.id);
  for (const LocalFile& file : files) {
    const auto there = present.sizes.find(file.path);
    if (there != present.sizes.end() && there->second == file.size_bytes) continue;
    Sending(api, file, is_archive(files), options.patience).run(present.id, present.transfers[file.path]);
  }
  memory.forget();
  return present.id;
}

}  // namespace modelops::cli
