#include "formats/archive.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cstring>
#include <map>

#include "formats/test_support.hpp"

namespace modelops::formats {
namespace {

using ::testing::HasSubstr;
using testing::refusal;

class Bytes final : public storage::BlobReader {
 public:
  explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size_bytes() const override { return bytes_.size(); }
  std::size_t read_at(std::uint64_t offset, std::span<char> into) const override {
    const std::size_t count =
        std::min<std::size_t>(into.size(), bytes_.size() - std::min<std::size_t>(offset, bytes_.size()));
    std::memcpy(into.data(), bytes_.data() + offset, count);
    return count;
  }

 private:
  const std::string bytes_;
};

struct Files final : registry::Unpacker::Target {
  void begin(const std::string& path) override { open = path; }
  void write(std::string_view bytes) override { all[open] += bytes; }
  void end() override { all[open]; }
  std::string open;
  std::map<std::string, std::string> all;
};

struct Entry {
  std::string path;
  std::string content;
  mode_t type = AE_IFREG;
  std::string link = {};
};
enum class Form { zip, tar, tar_gz };

std::string packed(Form form, const std::vector<Entry>& entries) {
  std::string out(8 << 20, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  if (form == Form::zip)
    archive_write_set_format_zip(writer);
  else
    archive_write_set_format_pax_restricted(writer);
  if (form == Form::tar_gz) archive_write_add_filter_gzip(writer);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const Entry& entry : entries) {
    archive_entry* made = archive_entry_new();
    archive_entry_set_pathname(made, entry.path.c_str());
    archive_entry_set_filetype(made, entry.type);
    archive_entry_set_perm(made, 0644);
    if (entry.type == AE_IFLNK) archive_entry_set_symlink(made, entry.link.c_str());
    if (entry.type == AE_IFREG && !entry.link.empty()) archive_entry_set_hardlink(made, entry.link.c_str());
    archive_entry_set_size(made, static_cast<la_int64_t>(entry.content.size()));
    EXPECT_GE(archive_write_header(writer, made), ARCHIVE_WARN) << archive_error_string(writer);
    archive_write_data(writer, entry.content.data(), entry.content.size());
    archive_entry_free(made);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

std::map<std::string, std::string> unpacked(const std::string& archive,
                                            const registry::Unpacker::Limits& limits = {10, 1 << 30}) {
  Files files;
  Unpacker().unpack(Bytes(archive), limits, files);
  return files.all;
}
std::string why_not(const std::string& archive, const registry::Unpacker::Limits& limits = {10, 1 << 30}) {
  return refusal([&] { unpacked(archive, limits); });
}

TEST(ArchiveTest, FilesOfEachFormComeOut) {
  const std::vector<Entry> entries = {{"net", "", AE_IFDIR},
                                      {"net/model.onnx", std::string(700'000, 'm')},
                                      {"./net/config.json", "{}"},
                                      {"net/leer \xc3\xbc.txt", ""}};
  for (const Form form : {Form::zip, Form::tar, Form::tar_gz}) {
    const auto files = unpacked(packed(form, entries));
    ASSERT_EQ(files.size(), 3U);
    EXPECT_EQ(files.at("net/model.onnx"), std::string(700'000, 'm'));
    EXPECT_EQ(files.at("net/config.json"), "{}");
    EXPECT_EQ(files.at("net/leer \xc3\xbc.txt"), "");
  }
}

TEST(ArchiveTest, WhatIsNoPlainFileIsRefused) {
  EXPECT_THAT(why_not(packed(Form::tar, {{"a", "", AE_IFLNK, "/etc/passwd"}})), HasSubstr("'a' is a link"));
  EXPECT_THAT(why_not(packed(Form::zip, {{"a", "", AE_IFLNK, "/etc/passwd"}})), HasSubstr("'a' is a link"));
  EXPECT_THAT(why_not(packed(Form::tar, {{"b", "x"}, {"a", "", AE_IFREG, "b"}})), HasSubstr("'a' is a link"));
  EXPECT_THAT(why_not(packed(Form::tar, {{"a", "", AE_IFIFO}})), HasSubstr("neither a file nor a folder"));
  EXPECT_THAT(why_not(packed(Form::tar, {{"a", "", AE_IFCHR}})), HasSubstr("neither a file nor a folder"));
}

TEST(ArchiveTest, PathsStayBelowTheFolder) {
  for (const char* path : {"../x", "a/../../x", "/etc/cron.d/x", "a//b", "a/./b", "\x1b[2J"})
    for (const Form form : {Form::zip, Form::tar})
      EXPECT_THAT(why_not(packed(form, {{path, "x"}})), HasSubstr("must be a relative path")) << path;
  EXPECT_THAT(why_not(packed(Form::tar, {{"a\\b", "x"}})), HasSubstr("must be a relative path"));
  EXPECT_THAT(why_not(packed(Form::tar, {{"../d", "", AE_IFDIR}})), HasSubstr("must be a relative path"));
  EXPECT_THAT(why_not(packed(Form::tar, {{std::string(600, 'a'), "x"}})), HasSubstr("must be a relative path"));
}

TEST(ArchiveTest, NumbersAndSizesAreBounded) {
  EXPECT_THAT(why_not(packed(Form::zip, {{"a", "1"}, {"a", "2"}})), HasSubstr("twice"));
  EXPECT_THAT(why_not(packed(Form::tar, {{"a", ""}, {"b", ""}, {"c", ""}}), {2, 100}), HasSubstr("more than 2 files"));
  std::vector<Entry> folders;
  for (int i = 0; i < 5; ++i) folders.push_back({"d" + std::to_string(i), "", AE_IFDIR});
  EXPECT_THAT(why_not(packed(Form::tar, folders), {2, 100}), HasSubstr("entries"));
  EXPECT_THAT(why_not(packed(Form::tar, {{"d", "", AE_IFDIR}})), HasSubstr("no file"));
  try {
    unpacked(packed(Form::tar, {{"a", "12345"}}), {2, 4});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::too_large);
  }
  const std::string bomb = packed(Form::tar_gz, {{"zeros", std::string(24 << 20, '\0')}});
  EXPECT_THAT(why_not(bomb), HasSubstr("times its size"));
}

TEST(ArchiveTest, DamageIsTold) {
  EXPECT_THAT(why_not(""), HasSubstr("cannot be unpacked"));
  EXPECT_THAT(why_not("this is no archive"), HasSubstr("cannot be unpacked"));
  const std::string noise = [] {
    std::string out;
    for (std::uint64_t i = 0; i < 100'000; ++i) out += static_cast<char>(i * i % 251);
    return out;
  }();
  for (const Form form : {Form::zip, Form::tar_gz}) {
    const std::string whole = packed(form, {{"a", noise}, {"b", noise}});
    EXPECT_THAT(why_not(whole.substr(0, whole.size() / 2)), HasSubstr("cannot be unpacked"));
  }
  const std::string tar = packed(Form::tar, {{"a", noise}});
  EXPECT_THAT(why_not(tar.substr(0, 50'000)), HasSubstr("cannot be unpacked"));
}

}  // namespace
}  // namespace modelops::formats
