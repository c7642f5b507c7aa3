#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/fault/serve.hpp"

namespace modelops {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t disk_bytes = 48 << 20;

/// The data folder lies on a small disk; the keys and the profile do not.
class FullDiskTest : public ServeTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(disk);
    // A mount namespace of our own: nobody else sees the disk, and it goes with this process.
    const bool mounted = ::unshare(CLONE_NEWNS) == 0 &&
                         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount("tmpfs", disk.c_str(), "tmpfs", 0, fmt::format("size={}", disk_bytes).c_str()) == 0;
    ASSERT_TRUE(mounted) << "A small disk cannot be mounted (" << ::strerror(errno) << "): run the tests as root.";
    start();
  }
  ~FullDiskTest() override {
    server.reset();
    ::umount2(disk.c_str(), MNT_DETACH);
  }
  std::vector<std::string> arguments() const override {
    auto out = ServeTest::arguments();
    out[1] = "--data.folder=" + (disk / "data").string();
    out.push_back("--data.free_space_reserve=8MiB");
    return out;
  }

  /// Takes all the space that is left.
  void fill() const {
    const int file = ::open((disk / "ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    for (std::string block(1 << 16, 'x'); !block.empty(); block.resize(block.size() / 2)) {
      while (::write(file, block.data(), block.size()) > 0) {}
    }
    ::close(file);
  }
  void make_room() const { std::filesystem::remove(disk / "ballast"); }

  /// The refusal of a new team, or nothing when it was made.
  std::optional<Error> add_team(const std::string& name) {
    try {
      api().post("/api/v1/teams", boost::json::object{{"name", name}});
      made.insert(name);
      return std::nullopt;
    } catch (const Error& error) {
      refused.insert(name);
      return error;
    }
  }
  static void expect_advice(const Error& error) {
    EXPECT_TRUE(error.code == ErrorCode::insufficient_storage || error.code == ErrorCode::unavailable) << error.message;
    EXPECT_THAT(to_lower_ascii(error.message), HasSubstr("free space")) << error.message;
  }
  /// A request of the tus protocol that brings what follows `offset` of `size` bytes; `midway` is called when half of
  /// them are sent.
  http::Response send(http::Method method, const std::string& path, http::Headers headers, std::size_t offset,
                      std::size_t size, const std::function<void()>& midway = {}) {
    http::ClientRequest request{.method = method, .url = profile().url + path, .headers = std::move(headers)};
    request.headers.set("Authorization", "Bearer " + profile().token);
    request.headers.set("Tus-Resumable", "1.0.0");
    request.headers.set("Content-Type", "application/offset+octet-stream");
    request.upload = http::UploadSource{[sent = offset, size, midway](std::span<char> into) mutable {
                                          const std::size_t part = std::min(into.size(), size - sent);
                                          std::fill_n(into.begin(), part, 'm');
                                          if (midway && sent < size / 2 && sent + part >= size / 2) midway();
                                          sent += part;
                                          return part;
                                        },
                                        size - offset};
    return http::Client({.addresses = http::AddressPolicy::any}).send(request);
  }
  /// A file with its bytes in one request.
  http::Response upload(const std::string& id, const std::string& path, std::size_t size) {
    http::Headers headers;
    headers.set("Upload-Length", std::to_string(size));
    headers.set("Upload-Metadata", fmt::format("upload {},path {}", to_base64(id), to_base64(path)));
    return send(http::Method::post, "/api/v1/uploads/tus", headers, 0, size);
  }
  http::Response go_on(const std::string& address, std::size_t offset, std::size_t size,
                       const std::function<void()>& midway = {}) {
    http::Headers headers;
    headers.set("Upload-Offset", std::to_string(offset));
    return send(http::Method::patch, address, headers, offset, size, midway);
  }
  std::string new_upload() { return cli::text_member(api().post("/api/v1/uploads", boost::json::object()), "id"); }
  void expect_nothing_kept_of(const std::string& id) {
    EXPECT_TRUE(api().get("/api/v1/uploads/" + id).at("files").as_array().empty());
    EXPECT_TRUE(std::filesystem::is_empty(disk / "data" / "blobs" / "incoming"));
  }
  void expect_what_was_acknowledged() {
    const auto teams = all("/api/v1/teams");
    EXPECT_EQ(teams, made);
  }

  std::filesystem::path disk = folder / "disk";
  std::set<std::string> made;
  std::set<std::string> refused;
};

TEST_F(FullDiskTest, AnUploadLeavesRoomForTheRest) {
  const std::string id = new_upload();
  const auto answer = upload(id, "model.onnx", disk_bytes);
  EXPECT_EQ(answer.status, 507) << answer.body;
  expect_advice(cli::error_of(answer));
  expect_nothing_kept_of(id);
  EXPECT_FALSE(add_team("still-possible"));
  EXPECT_EQ(upload(id, "model.onnx", 1 << 20).status, 201);
}

TEST_F(FullDiskTest, AnUploadGoesOnOnceThereIsRoomAgain) {
  constexpr std::size_t size = 16 << 20;
  http::Headers headers;
  headers.set("Upload-Length", std::to_string(size));
  headers.set("Upload-Metadata", fmt::format("filename {}", to_base64("model.onnx")));
  const auto begun = send(http::Method::post, "/api/v1/uploads/tus", headers, 0, 0);
  ASSERT_EQ(begun.status, 201) << begun.body;
  const std::string address(begun.headers.get("Location"));
  const auto answer = go_on(address, 0, size, [&] { fill(); });
  EXPECT_EQ(answer.status, 507) << answer.body;
  expect_advice(cli::error_of(answer));
  make_room();
  const auto stands = api().get(address).at("offset_bytes").to_number<std::size_t>();
  EXPECT_EQ(go_on(address, stands, size).status, 204);
  EXPECT_EQ(api().get(address).at("state"), "complete");
}

TEST_F(FullDiskTest, WritesAreRefusedReadsGoOnAndNothingAcknowledgedIsLost) {
  for (int i = 0; i < 20; ++i) ASSERT_FALSE(add_team(fmt::format("before-{}", i)));
  const std::string id = new_upload();
  fill();
  for (int i = 0; i < 5000 && refused.empty(); ++i) {
    if (const auto error = add_team(fmt::format("filling-{}", i))) expect_advice(*error);
  }
  ASSERT_FALSE(refused.empty()) << "the disk is not full";
  for (int i = 0; i < 50; ++i) {
    if (const auto error = add_team(fmt::format("full-{}", i))) expect_advice(*error);
  }
  EXPECT_EQ(upload(id, "model.onnx", 1 << 20).status, 507);
  expect_what_was_acknowledged();
  for (const char* path : {"/api/v1/session", "/api/v1/models", "/api/v1/audit/records", "/readyz"})
    EXPECT_NO_THROW(api().stream(path, [](std::string_view) {})) << path;

  make_room();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(add_team(fmt::format("after-{}", i)));
  EXPECT_EQ(upload(id, "model.onnx", 1 << 20).status, 201);
  expect_what_was_acknowledged();
  EXPECT_GE(audited(std::ssize(made)), std::ssize(made));

  kill_server();
  start();
  expect_what_was_acknowledged();
  EXPECT_GE(audited(std::ssize(made)), std::ssize(made));
}

}  // namespace
}  // namespace modelops
