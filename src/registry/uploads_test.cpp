#include <thread>

#include "registry/fixture_test.hpp"

namespace modelops::registry {
namespace {

using namespace fixture;  // NOLINT: a test's own vocabulary

class UploadsTest : public RegistryFixture {};

TEST_P(UploadsTest, FilesArriveInPiecesAndAreKeptByContent) {
  const UploadId id = uploads.create(ada, {*Bounded<0, 128>::parse("digits")}).id;
  put(ada, id, "model.onnx", "content");
  put(ada, id, "copy/model.onnx", "content", sha256("content"));
  put(ada, id, "empty", "");
  const Upload upload = uploads.get(ada, {id});
  EXPECT_EQ(upload.name, "digits");
  EXPECT_EQ(upload.size_bytes, 14);
  ASSERT_EQ(upload.files.size(), 3u);
  EXPECT_EQ(upload.files[0].path.str(), "copy/model.onnx");
  EXPECT_EQ(upload.files[2].sha256, sha256("content"));
  EXPECT_EQ(count("artifacts"), 2);
  EXPECT_EQ(count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 2u);
}

TEST_P(UploadsTest, AWrongDigestKeepsNothing) {
  const UploadId id = uploads.create(ada, {}).id;
  const Error error = error_of([&] { put(ada, id, "model.onnx", "content", sha256("other")); });
  EXPECT_EQ(error.code, ErrorCode::unprocessable);
  EXPECT_EQ(error.violations.at(0).pointer, "/sha256");
  EXPECT_TRUE(uploads.get(ada, {id}).files.empty());
  EXPECT_EQ(count("artifacts") + count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 0u);
}

TEST_P(UploadsTest, SizesAndNumbersAreBounded) {
  const UploadId id = uploads.create(ada, {}).id;
  EXPECT_EQ(code_of([&] { put(ada, id, "a", std::string((1 << 20) + 1, 'x')); }), ErrorCode::too_large);
  for (const char* path : {"a", "b", "c", "d"}) put(ada, id, path, path);
  EXPECT_EQ(code_of([&] { put(ada, id, "e", "e"); }), ErrorCode::unprocessable);
  put(ada, id, "d", "replaced");
  EXPECT_EQ(uploads.get(ada, {id}).files.size(), 4u);
}

TEST_P(UploadsTest, NobodyElseSeesAnUpload) {
  const UploadId id = upload_with(ada, "content");
  for (const Context* ctx : {&bob, &stranger}) {
    EXPECT_EQ(code_of([&] { uploads.get(*ctx, {id}); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { put(*ctx, id, "b", "b"); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { uploads.remove(*ctx, {id}); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { service.analyze(*ctx, {id}); }), ErrorCode::not_found);
  }
  EXPECT_EQ(uploads.get(admin, {id}).files.size(), 1u);
}

TEST_P(UploadsTest, OrganisationsDoNotShareBlobs) {
  upload_with(ada, "content");
  upload_with(stranger, "content");
  EXPECT_EQ(count("artifacts"), 2);
  EXPECT_EQ(blobs_on_disk(), 2u);
}

TEST_P(UploadsTest, ASealedUploadTakesNoMoreFiles) {
  const UploadId id = upload_with(ada, "content");
  service.analyze(ada, {id});
  EXPECT_EQ(uploads.get(ada, {id}).state, UploadState::sealed);
  EXPECT_EQ(uploads.get(ada, {id}).digest, manifest_digest(uploads.get(ada, {id}).files));
  EXPECT_EQ(code_of([&] { put(ada, id, "b", "b"); }), ErrorCode::conflict);
  const UploadId empty = uploads.create(ada, {}).id;
  EXPECT_EQ(code_of([&] { service.analyze(ada, {empty}); }), ErrorCode::unprocessable);
}

TEST_P(UploadsTest, RemovingGivesUpOnlyWhatNothingElseHolds) {
  const UploadId first = upload_with(ada, "shared");
  put(ada, first, "own", "own");
  const UploadId second = upload_with(ada, "shared");
  service.create_model(ada, model_named("m"));
  service.create_version(ada, {named("m"), second, std::nullopt, *Description::parse("")});
  uploads.remove(ada, {first});
  uploads.remove(ada, {second});
  EXPECT_EQ(code_of([&] { uploads.get(ada, {first}); }), ErrorCode::not_found);
  EXPECT_EQ(count("artifacts"), 1);
  EXPECT_EQ(count("unclaimed_blobs"), 1);
  uploads.clean_up([](db::Tx&) {});
  EXPECT_EQ(count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 1u);
}

TEST_P(UploadsTest, TheCleanUpRemovesWhatWasAbandoned) {
  const UploadId old = upload_with(ada, "old");
  // What a killed process leaves: a blob that is noted but never claimed.
  auto lost = blobs.begin(0);
  database->write([&](db::Tx& tx) { store::add_unclaimed_blob(tx, lost->key().str(), clock.now()); });
  lost->write("lost");
  lost.reset();
  clock.advance(uploads.limits().age_max / 2);
  const UploadId young = upload_with(ada, "young");
  clock.advance(uploads.limits().age_max / 2 + std::chrono::hours(1));
  int checks = 0;
  EXPECT_FALSE(uploads.clean_up([&](db::Tx&) { ++checks; }));
  EXPECT_GE(checks, 2);
  EXPECT_EQ(code_of([&] { uploads.get(ada, {old}); }), ErrorCode::not_found);
  EXPECT_EQ(uploads.get(ada, {young}).files.size(), 1u);
  EXPECT_EQ(count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 1u);
}

TEST_P(UploadsTest, TheCleanUpStopsWithoutItsLease) {
  upload_with(ada, "old");
  clock.advance(uploads.limits().age_max + std::chrono::hours(1));
  EXPECT_THROW(uploads.clean_up([](db::Tx&) { fail(ErrorCode::conflict, "taken over"); }), Error);
  EXPECT_EQ(count("uploads"), 1);
}

TEST_P(UploadsTest, TheSameFileFromManyAtOnceIsKeptOnce) {
  const UploadId id = uploads.create(ada, {}).id;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&, i] { put(ada, id, fmt::format("f{}", i), "same"); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(uploads.get(ada, {id}).files.size(), 4u);
  EXPECT_EQ(count("artifacts"), 1);
  EXPECT_EQ(blobs_on_disk(), 1u);
}

MODELOPS_ON_BOTH_DATABASES(UploadsTest);

}  // namespace
}  // namespace modelops::registry
