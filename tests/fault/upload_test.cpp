#include <thread>

#include "platform/crypto/hash.hpp"
#include "tests/fault/serve.hpp"
#include "tests/support/database.hpp"

namespace modelops {
namespace {

/// A server that is killed while a stock client (tus-js-client in Node.js) sends a file, and started again.
class UploadTest : public ServeTest, public ::testing::WithParamInterface<db::Dialect> {
 protected:
  UploadTest() {
    if (GetParam() == db::Dialect::postgres) database.emplace(GetParam());
  }
  std::vector<std::string> arguments() const override {
    auto out = ServeTest::arguments();
    out.front() = fmt::format("--api.port={}", fixed_port);  // where the client comes again
    if (database) out.push_back("--data.database=" + database->url());
    return out;
  }

  /// A file whose bytes differ from place to place; returns its digest.
  std::string make_file(const std::filesystem::path& path, std::size_t megabytes) const {
    std::ofstream out(path, std::ios::binary);
    crypto::Sha256 hash;
    std::string block(1 << 20, '\0');
    for (std::size_t i = 0; i < megabytes; ++i) {
      for (std::size_t k = 0; k < block.size(); ++k) block[k] = static_cast<char>(k * k / 251 + i * 7);
      out << block;
      hash.update(block);
    }
    return to_hex(hash.finish());
  }
  std::vector<std::string> client(const std::filesystem::path& file, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{std::string(MODELOPS_SOURCE_DIR) + "/tools/node",
                                   "node",
                                   "scripts/tus-upload.mjs",
                                   profile().url + "/api/v1/uploads/tus",
                                   profile().token,
                                   file.string()};
    for (std::string& word : more) words.push_back(std::move(word));
    return words;
  }
  boost::json::value transfer_at(const std::string& url) const { return api().get(url.substr(profile().url.size())); }
  static std::int64_t number(const boost::json::value& object, std::string_view name) {
    return object.at(name).to_number<std::int64_t>();
  }
  void expect_file(const std::string& upload, const std::string& sha256) const {
    const auto files = api().get("/api/v1/uploads/" + upload).at("files").as_array();
    ASSERT_EQ(files.size(), 1U);
    EXPECT_EQ(cli::text_member(files[0], "sha256"), sha256);
  }

  const int fixed_port = testing::free_port();
  std::optional<testing::TestDatabase> database;
};

TEST_P(UploadTest, AStockClientGoesOnAfterTheServerWasKilled) {
  start();
  const std::filesystem::path file = folder / "model.bin";
  const std::string sha256 = make_file(file, 160);
  testing::Process sending(client(file), folder / "client.log");
  const std::string url = sending.wait_for_line("url ");
  std::int64_t acknowledged = 0;
  while (acknowledged == 0) acknowledged = number(transfer_at(url), "offset_bytes");
  kill_server();
  start();
  EXPECT_GE(number(transfer_at(url), "offset_bytes"), acknowledged) << "an acknowledged part is lost";
  const std::string done = sending.wait_for_line("done ");
  EXPECT_EQ(sending.wait(), 0);
  EXPECT_FALSE(done.ends_with(" after 0 retries")) << "it had ended before the server was killed";
  const auto transfer = transfer_at(url);
  EXPECT_EQ(transfer.at("state"), "complete");
  expect_file(cli::text_member(transfer, "upload_id"), sha256);
}

TEST_P(UploadTest, PartsSentSideBySideArePutTogether) {
  start();
  const std::filesystem::path file = folder / "model.bin";
  const std::string sha256 = make_file(file, 24);
  const testing::Ran ran = testing::run_program(client(file, {"{}", "4194304", "3"}));
  ASSERT_EQ(ran.status, 0) << ran.output;
  const std::size_t at = ran.output.find("done ") + 5;
  const std::string url = ran.output.substr(at, ran.output.find(' ', at) - at);
  expect_file(cli::text_member(transfer_at(url), "upload_id"), sha256);
}

TEST_P(UploadTest, TheCommandLineGoesOnAfterTheServerAndItselfWereKilled) {
  start();
  const std::filesystem::path file = folder / "model.bin";
  const std::string sha256 = make_file(file, 96);
  const std::vector<std::string> words{"/usr/bin/env",
                                       "XDG_CACHE_HOME=" + (folder / "cache").string(),
                                       "MODELOPS_URL=" + profile().url,
                                       "MODELOPS_TOKEN=" + profile().token,
                                       MODELOPS_PROGRAM,
                                       "models",
                                       "analyze",
                                       file.string()};
  const std::filesystem::path memory = folder / "cache" / "modelops" / "uploads";
  std::string upload;
  std::int64_t acknowledged = 0;
  {
    testing::Process sending(words, folder / "cli.log");
    while (acknowledged == 0) {
      if (upload.empty() && std::filesystem::exists(memory))
        for (const auto& entry : std::filesystem::directory_iterator(memory)) std::ifstream(entry.path()) >> upload;
      if (upload.empty()) continue;
      const auto begun = api().get("/api/v1/uploads/" + upload).at("transfers").as_array();
      if (!begun.empty()) acknowledged = number(begun[0], "offset_bytes");
    }
    kill_server();
    sending.signal(SIGKILL);
    sending.wait();
  }
  start();
  const auto begun = api().get("/api/v1/uploads/" + upload).at("transfers").as_array();
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_GE(number(begun[0], "offset_bytes"), acknowledged);
  testing::run_program(words);  // the bytes are no model: that is what it tells in the end
  expect_file(upload, sha256);
  EXPECT_TRUE(std::filesystem::is_empty(memory)) << "what has ended is forgotten";
}

MODELOPS_ON_BOTH_DATABASES(UploadTest);

}  // namespace
}  // namespace modelops
