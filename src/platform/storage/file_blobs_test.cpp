#include "platform/storage/file_blobs.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <limits>
#include <thread>

#include "base/error.hpp"
#include "base/id.hpp"
#include "platform/crypto/hash.hpp"

namespace modelops::storage {
namespace {

namespace fs = std::filesystem;
constexpr Time end_of_time{std::numeric_limits<std::int64_t>::max()};

template <class F>
std::optional<ErrorCode> error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code;
  }
  return std::nullopt;
}

class FileBlobsTest : public testing::Test {
 protected:
  ~FileBlobsTest() override { fs::remove_all(root); }

  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root)) count += entry.is_regular_file();
    return count;
  }
  static std::string read_all(const Blobs& blobs, const BlobKey& key) {
    const auto reader = blobs.open(key);
    std::string all(reader->size_bytes(), '\0');
    EXPECT_EQ(reader->read_at(0, all), all.size());
    return all;
  }

  const fs::path root = fs::temp_directory_path() / ("modelops-blobs-" + new_uuid7());
};

TEST_F(FileBlobsTest, KeepsWhatWasWritten) {
  FileBlobs blobs(root);
  const auto upload = blobs.begin(0);
  upload->write("hello ");
  upload->write("");
  upload->write("world");
  EXPECT_EQ(upload->offset(), 11U);
  const BlobKey key = upload->key();
  EXPECT_EQ(error_of([&] { blobs.open(key); }), ErrorCode::not_found);  // not before it is complete
  const CompletedBlob blob = upload->complete();
  EXPECT_EQ(blob.key, key);
  EXPECT_EQ(blob.size_bytes, 11U);
  EXPECT_EQ(blob.sha256, crypto::sha256_hex("hello world"));
  EXPECT_EQ(read_all(blobs, key), "hello world");
  EXPECT_EQ(blobs.size_bytes(key), 11U);
  EXPECT_TRUE(blobs.incomplete(end_of_time).empty());
  EXPECT_EQ(read_all(FileBlobs(root), key), "hello world");  // after a restart
}

TEST_F(FileBlobsTest, AnEmptyBlobIsABlob) {
  FileBlobs blobs(root);
  const CompletedBlob blob = blobs.begin(0)->complete();
  EXPECT_EQ(blob.size_bytes, 0U);
  EXPECT_EQ(blob.sha256, crypto::sha256_hex(""));
  EXPECT_EQ(read_all(blobs, blob.key), "");
}

TEST_F(FileBlobsTest, ReadsAnyRange) {
  FileBlobs blobs(root);
  const auto upload = blobs.begin(0);
  upload->write("0123456789");
  const auto reader = blobs.open(upload->complete().key);
  std::string into(4, '-');
  EXPECT_EQ(reader->read_at(3, into), 4U);
  EXPECT_EQ(into, "3456");
  EXPECT_EQ(reader->read_at(8, into), 2U);
  EXPECT_EQ(into, "8956");
  EXPECT_EQ(reader->read_at(10, into), 0U);
  EXPECT_EQ(reader->read_at(std::numeric_limits<std::uint64_t>::max(), into), 0U);
}

TEST_F(FileBlobsTest, FilesArePrivateAndFannedOut) {
  FileBlobs blobs(root);
  const auto upload = blobs.begin(0);
  const std::string key = upload->key().str();
  const auto mode = [](const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777;
  };
  EXPECT_EQ(mode(root), 0700U);
  EXPECT_EQ(mode(root / "incoming" / key), 0600U);
  upload->complete();
  EXPECT_EQ(mode(root / "blobs" / key.substr(0, 2) / key.substr(2, 2) / key), 0600U);
}

TEST_F(FileBlobsTest, KeysAreHexadecimalOnly) {
  const std::string good = BlobKey::make().str();
  EXPECT_EQ(BlobKey::parse(good)->str(), good);
  EXPECT_NE(BlobKey::make(), BlobKey::make());
  for (const std::string& bad :
       {std::string(), std::string("../../../etc/passwd"), good + "0", good.substr(1), std::string(64, 'A'),
        std::string(64, '/'), std::string(64, '\0'), ".." + good.substr(2)})
    EXPECT_FALSE(BlobKey::parse(bad)) << bad;
}

TEST_F(FileBlobsTest, ResumesAfterARestart) {
  std::optional<BlobKey> key;
  const std::string large(3'000'000, 'x');
  {
    FileBlobs blobs(root);
    const auto upload = blobs.begin(0);
    upload->write(large);
    key = upload->key();
  }
  FileBlobs blobs(root);
  const auto found = blobs.incomplete(end_of_time);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].key, *key);
  EXPECT_EQ(found[0].size_bytes, large.size());
  const auto upload = blobs.resume(*key);
  EXPECT_EQ(upload->offset(), large.size());
  upload->write("tail");
  EXPECT_EQ(upload->complete().sha256, crypto::sha256_hex(large + "tail"));
  EXPECT_EQ(read_all(blobs, *key), large + "tail");
}

TEST_F(FileBlobsTest, AKilledProcessLeavesOnlyAnIncompleteUpload) {
  FileBlobs blobs(root);
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      const auto upload = blobs.begin(0);
      upload->write("half");
      ::kill(::getpid(), SIGKILL);
    } catch (...) {}
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto found = blobs.incomplete(end_of_time);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(error_of([&] { blobs.open(found[0].key); }), ErrorCode::not_found);
  const auto upload = blobs.resume(found[0].key);  // the lock went with the process
  upload->write(" and half");
  EXPECT_EQ(upload->complete().sha256, crypto::sha256_hex("half and half"));
}

TEST_F(FileBlobsTest, OneWriterAtATime) {
  FileBlobs blobs(root), replica(root);
  auto upload = blobs.begin(0);
  const BlobKey key = upload->key();
  EXPECT_EQ(error_of([&] { replica.resume(key); }), ErrorCode::conflict);
  upload.reset();
  EXPECT_FALSE(error_of([&] { replica.resume(key); }));
}

TEST_F(FileBlobsTest, CleanUpFindsOnlyOldUploads) {
  FileBlobs blobs(root);
  const BlobKey key = blobs.begin(0)->key();
  const Time last_write = blobs.incomplete(end_of_time).at(0).last_write;
  EXPECT_TRUE(blobs.incomplete(last_write).empty());
  EXPECT_EQ(blobs.incomplete(last_write + std::chrono::microseconds(1)).size(), 1U);
  blobs.resume(key)->abort();
  EXPECT_EQ(error_of([&] { blobs.resume(key); }), ErrorCode::not_found);
  std::ofstream(root / "incoming" / "lost+found") << "not ours";
  EXPECT_TRUE(blobs.incomplete(end_of_time).empty());
}

TEST_F(FileBlobsTest, AnEndedUploadStaysEnded) {
  FileBlobs blobs(root);
  const auto completed = blobs.begin(0);
  completed->complete();
  completed->abort();  // nothing happens
  EXPECT_EQ(blobs.size_bytes(completed->key()), 0U);
  const auto aborted = blobs.begin(0);
  aborted->write("x");
  aborted->abort();
  for (const auto* upload : {&completed, &aborted}) {
    EXPECT_EQ(error_of([&] { (*upload)->write("x"); }), ErrorCode::conflict);
    EXPECT_EQ(error_of([&] { (*upload)->complete(); }), ErrorCode::conflict);
    EXPECT_EQ(error_of([&] { blobs.resume((*upload)->key()); }), ErrorCode::not_found);
  }
  EXPECT_EQ(files(), 1U);
}

TEST_F(FileBlobsTest, RemovedIsGoneButStaysReadableWhereOpen) {
  FileBlobs blobs(root);
  const auto upload = blobs.begin(0);
  upload->write("data");
  const BlobKey key = upload->complete().key;
  const auto reader = blobs.open(key);
  blobs.remove(key);
  blobs.remove(key);
  EXPECT_EQ(error_of([&] { blobs.open(key); }), ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { blobs.size_bytes(key); }), ErrorCode::not_found);
  std::string into(4, '-');
  EXPECT_EQ(reader->read_at(0, into), 4U);
  EXPECT_EQ(into, "data");
}

TEST_F(FileBlobsTest, ShortWritesAndInterruptionsAreContinued) {
  int calls = 0;
  FileBlobs blobs(root, {.write_at = [&](int fd, const void* bytes, std::size_t count, off_t offset) -> ssize_t {
                    if (++calls % 2 == 0) {
                      errno = EINTR;
                      return -1;
                    }
                    return ::pwrite(fd, bytes, std::min<std::size_t>(count, 3), offset);
                  }});
  const auto upload = blobs.begin(0);
  upload->write("0123456789");
  const CompletedBlob blob = upload->complete();
  EXPECT_EQ(blob.sha256, crypto::sha256_hex("0123456789"));
  EXPECT_EQ(read_all(blobs, blob.key), "0123456789");
}

TEST_F(FileBlobsTest, AFullDiskRefusesAPartAndKeepsWhatWasThere) {
  std::size_t room = 10;
  FileBlobs blobs(root, {.write_at = [&](int fd, const void* bytes, std::size_t count, off_t offset) -> ssize_t {
                    const std::size_t fits = std::min(count, room);
                    if (fits == 0) {
                      errno = ENOSPC;
                      return -1;
                    }
                    room -= fits;
                    return ::pwrite(fd, bytes, fits, offset);
                  }});
  const auto upload = blobs.begin(0);
  upload->write("0123456");
  EXPECT_EQ(error_of([&] { upload->write("789abc"); }), ErrorCode::insufficient_storage);
  EXPECT_EQ(upload->offset(), 7U);
  EXPECT_EQ(blobs.incomplete(end_of_time).at(0).size_bytes, 7U) << "half of a part is of no use";
  room = 100;
  upload->write("789");
  const CompletedBlob blob = upload->complete();
  EXPECT_EQ(blob.sha256, crypto::sha256_hex("0123456789"));
  EXPECT_EQ(read_all(blobs, blob.key), "0123456789");
}

TEST_F(FileBlobsTest, TheEndCanBeGivenUp) {
  FileBlobs blobs(root);
  auto upload = blobs.begin(0);
  upload->write("0123456");
  EXPECT_EQ(upload->digest({}), crypto::sha256_hex("0123456"));
  upload->truncate(3);
  EXPECT_EQ(upload->offset(), 3U);
  upload->write("abc");
  upload->sync();
  EXPECT_EQ(upload->digest({}), crypto::sha256_hex("012abc"));
  upload->write("d");
  EXPECT_EQ(error_of([&] { upload->truncate(8); }), ErrorCode::internal);
  const CompletedBlob blob = upload->complete();
  EXPECT_EQ(blob.sha256, crypto::sha256_hex("012abcd"));
  EXPECT_EQ(read_all(blobs, blob.key), "012abcd");
}

TEST_F(FileBlobsTest, PartsAreComparedWhenTheyAreReadAgain) {
  FileBlobs blobs(root);
  const BlobKey key = [&] {
    const auto upload = blobs.begin(0);
    upload->write("0123456");
    return upload->key();
  }();
  const std::vector<PartDigest> sound{{3, crypto::sha256_hex("012")}, {7, crypto::sha256_hex("3456")}};
  EXPECT_EQ(blobs.resume(key)->digest(sound), crypto::sha256_hex("0123456"));
  EXPECT_EQ(blobs.resume(key)->digest(std::span(sound).first(1)), crypto::sha256_hex("0123456"));
  const std::vector<PartDigest> changed{{3, crypto::sha256_hex("012")}, {7, crypto::sha256_hex("345X")}};
  EXPECT_EQ(error_of([&] { blobs.resume(key)->digest(changed); }), ErrorCode::internal);
}

TEST_F(FileBlobsTest, TheKernelsOwnLimitIsHandledLikeAFullDisk) {
  FileBlobs blobs(root);
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small{100'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto upload = blobs.begin(0);
  const auto code = error_of([&] { upload->write(std::string(150'000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(code, ErrorCode::insufficient_storage);
  EXPECT_EQ(upload->offset(), 0U);
}

TEST_F(FileBlobsTest, AFailingDiskIsNotAFullOne) {
  FileBlobs blobs(root, {.write_at = [](int, const void*, std::size_t, off_t) -> ssize_t {
                    errno = EIO;
                    return -1;
                  }});
  const auto upload = blobs.begin(0);
  EXPECT_EQ(error_of([&] { upload->write("x"); }), ErrorCode::internal);
  EXPECT_EQ(upload->offset(), 0U);
}

TEST_F(FileBlobsTest, TheReserveIsLeftFree) {
  FileBlobs blobs(root, {.reserve_bytes = std::numeric_limits<std::uint64_t>::max()});
  EXPECT_EQ(error_of([&] { blobs.begin(0); }), ErrorCode::insufficient_storage);
  EXPECT_EQ(files(), 0U);
  FileBlobs roomy(root);
  EXPECT_EQ(error_of([&] { roomy.begin(std::numeric_limits<std::uint64_t>::max()); }), ErrorCode::insufficient_storage);
  EXPECT_EQ(files(), 0U);
}

TEST_F(FileBlobsTest, UploadsAtOnceDoNotMix) {
  FileBlobs blobs(root);
  std::vector<std::thread> threads;
  std::vector<std::optional<CompletedBlob>> done(8);
  for (std::size_t i = 0; i < done.size(); ++i)
    threads.emplace_back([&, i] {
      const auto upload = blobs.begin(0);
      for (int part = 0; part < 50; ++part) upload->write(std::string(1000, static_cast<char>('a' + i)));
      done[i] = upload->complete();
    });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < done.size(); ++i) {
    const std::string expected(50'000, static_cast<char>('a' + i));
    EXPECT_EQ(done[i]->sha256, crypto::sha256_hex(expected));
    EXPECT_EQ(read_all(blobs, done[i]->key), expected);
  }
}

}  // namespace
}  // namespace modelops::storage
