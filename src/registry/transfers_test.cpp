#include <fstream>
#include <thread>

#include "platform/http/refusal.hpp"
#include "registry/fixture_test.hpp"
#include "registry/tus_endpoint.hpp"

namespace modelops::registry {
namespace {

using namespace fixture;  // NOLINT: a test's own vocabulary

class TransfersTest : public RegistryFixture {
 protected:
  NewTransfer file(const UploadId& to, std::string_view path, std::optional<std::int64_t> size) {
    NewTransfer out;
    out.upload_id = to;
    out.path = path;
    out.size_bytes = size;
    return out;
  }
  TransferRow begin(const NewTransfer& wanted) { return transfers.create(ada, wanted); }
  TransferRow begin(std::int64_t size) { return begin(file(upload, "model.onnx", size)); }
  std::unique_ptr<Transfers::Receiver> receiver(const TransferRow& row, std::int64_t offset,
                                                std::optional<tus::Checksum> checksum = std::nullopt) {
    return transfers.receive(ada, row.id, offset, std::nullopt, std::move(checksum));
  }
  TransferRow send(const TransferRow& row, std::int64_t offset, std::string_view bytes,
                   std::optional<tus::Checksum> checksum = std::nullopt) {
    const auto to = receiver(row, offset, std::move(checksum));
    to->write(bytes);
    return to->finish();
  }
  TransferRow now(const TransferRow& row) { return transfers.get(ada, {row.id}); }
  TransferRow concatenate(const Context& ctx, const NewTransfer& whole, const std::vector<std::string>& parts) {
    return transfers.concatenate(ctx, whole, transfers.parts_of(ctx, parts));
  }
  /// What a process leaves that dies between the last byte and the end. Returns the blob, still held.
  std::unique_ptr<storage::Upload> interrupt(const TransferRow& row, const std::string& bytes) {
    auto blob = blobs.resume(*storage::BlobKey::parse(*row.blob_key));
    blob->write(bytes);
    database->write([&](db::Tx& tx) {
      tx.run("UPDATE transfers SET state = 'arrived', offset_bytes = ?, sha256 = ? WHERE id = ?",
             static_cast<std::int64_t>(bytes.size()), sha256(bytes), row.id);
    });
    return blob;
  }
  std::vector<FileEntry> files() { return uploads.get(ada, {upload}).files; }
  int status_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const http::Refusal& refusal) {
      return refusal.status.value_or(0);
    } catch (const Error&) {}
    return 0;
  }
  TransferRow part(std::string_view bytes) {
    NewTransfer wanted;
    wanted.size_bytes = std::ssize(bytes);
    wanted.concatenation = "partial";
    return send(begin(wanted), 0, bytes);
  }
  TransferRow unpacked(std::string_view archive) {
    NewTransfer wanted = file(upload, "model.zip", std::ssize(archive));
    wanted.unpack = true;
    return send(begin(wanted), 0, archive);
  }

  UploadId upload = uploads.create(ada, {}).id;
};

TEST_P(TransfersTest, AFileArrivesInSeveralRequestsAndIsHashedAgain) {
  const TransferRow row = begin(10);
  EXPECT_EQ(send(row, 0, "0123").offset_bytes, 4);
  EXPECT_EQ(now(row).state, TransferState::receiving);
  EXPECT_EQ(uploads.get(ada, {upload}).transfers.at(0).offset_bytes, 4);
  const TransferRow done = send(row, 4, "456789");
  EXPECT_EQ(done.state, TransferState::complete);
  EXPECT_EQ(done.sha256, sha256("0123456789"));
  ASSERT_EQ(files().size(), 1U);
  EXPECT_EQ(files()[0].sha256, sha256("0123456789"));
  EXPECT_TRUE(uploads.get(ada, {upload}).transfers.empty());
  EXPECT_EQ(count("unclaimed_blobs"), 0);
  EXPECT_EQ(count("transfer_parts"), 2);
  EXPECT_EQ(send(row, 10, "").state, TransferState::complete) << "a client that lost the answer asks again";
}

TEST_P(TransfersTest, WhatALostConnectionHadSentIsKept) {
  const TransferRow row = begin(100);
  {
    const auto cut = receiver(row, 0);
    cut->write("0123456789");  // more than a part of 8 bytes: acknowledged at once
    EXPECT_EQ(now(row).offset_bytes, 10);
    cut->write("abc");
    EXPECT_EQ(now(row).offset_bytes, 10);
  }
  EXPECT_EQ(now(row).offset_bytes, 13);
}

TEST_P(TransfersTest, WhatWasNotAcknowledgedIsCutOffAfterACrash) {
  const TransferRow row = begin(6);
  send(row, 0, "012");
  blobs.resume(*storage::BlobKey::parse(*row.blob_key))->write("lost in the crash");
  EXPECT_EQ(now(row).offset_bytes, 3);
  EXPECT_EQ(send(row, 3, "345").sha256, sha256("012345"));
}

TEST_P(TransfersTest, APartThatTheStorageChangedIsFound) {
  const TransferRow row = begin(6);
  send(row, 0, "012");
  std::fstream(folder / "incoming" / *row.blob_key, std::ios::in | std::ios::out | std::ios::binary) << "X";
  EXPECT_EQ(code_of([&] { send(row, 3, "345"); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { now(row); }), ErrorCode::not_found) << "the client begins anew";
  EXPECT_TRUE(files().empty());
}

/// A process that dies between the last byte and the end, at each of its steps.
TEST_P(TransfersTest, WhoeverAsksNextCompletesWhatACrashInterrupted) {
  for (const bool renamed : {false, true}) {
    const std::string path = renamed ? "a" : "b";
    const TransferRow row = begin(file(upload, path, 3));
    auto blob = interrupt(row, path + "12");
    if (renamed)
      blob->complete();
    else
      EXPECT_EQ(status_of([&] { transfers.recover(ada, {row.id}); }), 423) << "somebody is at it";
    blob.reset();
    EXPECT_EQ(now(row).state, TransferState::arrived) << "no request that should be quick makes the end";
    EXPECT_EQ(transfers.recover(ada, {row.id}).state, TransferState::complete);
  }
  ASSERT_EQ(files().size(), 2U);
  EXPECT_EQ(files()[0].sha256, sha256("a12"));
  EXPECT_EQ(count("unclaimed_blobs"), 0);
}

TEST_P(TransfersTest, AnEndThatWasInterruptedIsMadeSlowly) {
  const TransferRow asked = begin(file(upload, "a", 3));
  interrupt(asked, "012").reset();
  TusEndpoint endpoint(transfers);
  http::Request head;
  const http::Answer answer = endpoint.get(ada, {asked.id}, head);
  ASSERT_TRUE(std::holds_alternative<http::Slow>(answer));
  EXPECT_EQ(std::get<http::Slow>(answer).make().headers.get("Upload-Offset"), "3");
  EXPECT_EQ(now(asked).state, TransferState::complete);
  const TransferRow sent = begin(file(upload, "b", 3));
  interrupt(sent, "345").reset();
  const auto to = receiver(sent, 3);
  EXPECT_TRUE(to->finishes_slowly());
  EXPECT_EQ(to->finish().state, TransferState::complete);
}

TEST_P(TransfersTest, WhatTakesLongAtTheEndSaysSo) {
  const auto slow = [&](const TransferRow& row, std::int64_t offset, std::string_view bytes) {
    const auto to = receiver(row, offset);
    to->write(bytes);
    const bool out = to->finishes_slowly();
    to->finish();
    return out;
  };
  EXPECT_FALSE(slow(begin(10), 0, "0123456789")) << "hashed as it came";
  const TransferRow resumed = begin(10);
  EXPECT_FALSE(slow(resumed, 0, "01234"));
  EXPECT_TRUE(slow(resumed, 5, "56789")) << "all of it is read again";
  EXPECT_FALSE(slow(resumed, 10, "")) << "it is complete";
  const TransferRow small = begin(4);
  send(small, 0, "01");
  EXPECT_FALSE(slow(small, 2, "23"));
  NewTransfer archive = file(upload, "model.zip", 3);
  archive.unpack = true;
  EXPECT_TRUE(slow(begin(archive), 0, "a=1"));
  const std::vector<TransferRow> parts{part("0123"), part("4567")};
  EXPECT_TRUE(transfers.concatenates_slowly({}, parts));
  EXPECT_FALSE(transfers.concatenates_slowly({}, {parts[0]}));
  EXPECT_TRUE(transfers.concatenates_slowly(archive, {parts[0]}));
}

TEST_P(TransfersTest, OneThatIsBeingCompletedIsLocked) {
  NewTransfer archive = file(upload, "model.zip", 3);
  archive.unpack = true;
  const TransferRow row = begin(archive);
  int unpacked = 0;
  const auto expect_locked = [&] {
    EXPECT_EQ(status_of([&] { now(row); }), 423);
    EXPECT_EQ(status_of([&] { receiver(row, 3); }), 423);
    EXPECT_EQ(status_of([&] { transfers.recover(ada, {row.id}); }), 423);
    EXPECT_EQ(code_of([&] { transfers.get(bob, {row.id}); }), ErrorCode::not_found);
  };
  unpacker.meanwhile = [&] {
    ++unpacked;
    expect_locked();
  };
  {
    const auto to = receiver(row, 0);
    to->write("a=1");
    clock.advance(std::chrono::minutes(1));  // it waits for a thread: that is no silence of its client
    expect_locked();
    EXPECT_EQ(to->finish().state, TransferState::complete);
    EXPECT_EQ(now(row).state, TransferState::complete);
  }
  EXPECT_EQ(unpacked, 1);
  EXPECT_EQ(files().size(), 1U);
}

TEST_P(TransfersTest, AnEndThatWasInterruptedIsMadeOnce) {
  NewTransfer archive = file(upload, "model.zip", 3);
  archive.unpack = true;
  const TransferRow row = begin(archive);
  interrupt(row, "a=1").reset();
  unpacker.meanwhile = [&] {
    EXPECT_EQ(status_of([&] { now(row); }), 423);
    EXPECT_EQ(status_of([&] { transfers.recover(ada, {row.id}); }), 423);
  };
  EXPECT_EQ(transfers.recover(ada, {row.id}).state, TransferState::complete);
  EXPECT_EQ(transfers.recover(ada, {row.id}).state, TransferState::complete);
  EXPECT_EQ(files().size(), 1U);
}

TEST_P(TransfersTest, TheOffsetMustBeRight) {
  const TransferRow row = begin(6);
  send(row, 0, "012");
  for (const std::int64_t offset : {0, 2, 4, 6})
    EXPECT_EQ(code_of([&] { receiver(row, offset); }), ErrorCode::conflict) << offset;
  EXPECT_EQ(code_of([&] { send(row, 3, "3456"); }), ErrorCode::too_large);
  EXPECT_EQ(send(row, 3, "345").state, TransferState::complete);
}

TEST_P(TransfersTest, ChecksumsAreCompared) {
  const TransferRow row = begin(6);
  EXPECT_EQ(status_of([&] { send(row, 0, "012", tus::Checksum{false, crypto::sha256("other")}); }), 460);
  EXPECT_EQ(now(row).offset_bytes, 0);
  {
    const auto cut = receiver(row, 0, tus::Checksum{false, crypto::sha256("0123456789abcdef")});
    cut->write("0123");
  }
  EXPECT_EQ(now(row).offset_bytes, 0) << "half of what a checksum covers cannot be checked";
  send(row, 0, "012", tus::Checksum{false, crypto::sha256("012")});
  EXPECT_EQ(send(row, 3, "345", tus::Checksum{false, crypto::sha256("345")}).sha256, sha256("012345"));
}

TEST_P(TransfersTest, AWrongDigestOfTheWholeKeepsNothing) {
  NewTransfer wanted = file(upload, "model.onnx", 3);
  wanted.sha256 = sha256("other");
  const TransferRow row = begin(wanted);
  EXPECT_EQ(code_of([&] { send(row, 0, "012"); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([&] { now(row); }), ErrorCode::not_found);
  EXPECT_EQ(count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 0U);
}

TEST_P(TransfersTest, OneWriterAtATimeUnlessItIsSilent) {
  const TransferRow row = begin(6);
  const auto silent = receiver(row, 0);
  silent->write("01");
  EXPECT_EQ(status_of([&] { receiver(row, 0); }), 423);
  clock.advance(std::chrono::seconds(6));
  EXPECT_EQ(send(row, 0, "abc").offset_bytes, 3);
  EXPECT_EQ(code_of([&] { silent->write("23"); }), ErrorCode::conflict);
  EXPECT_EQ(send(row, 3, "def").sha256, sha256("abcdef"));
}

TEST_P(TransfersTest, TheLengthMayBeSaidLater) {
  const TransferRow row = begin(file(upload, "model.onnx", std::nullopt));
  send(row, 0, "012");
  EXPECT_EQ(code_of([&] { transfers.receive(ada, row.id, 3, 2, std::nullopt); }), ErrorCode::invalid);
  const auto rest = transfers.receive(ada, row.id, 3, 5, std::nullopt);
  rest->write("34");
  EXPECT_EQ(rest->finish().sha256, sha256("01234"));
}

TEST_P(TransfersTest, AnEmptyFileIsCompleteAtOnce) {
  EXPECT_EQ(begin(0).state, TransferState::complete);
  EXPECT_EQ(files().at(0).size_bytes, 0);
}

TEST_P(TransfersTest, WithoutAnUploadItBeginsOneOfItsOwn) {
  NewTransfer wanted;
  wanted.path = "model.onnx";
  wanted.size_bytes = 3;
  const TransferRow row = send(begin(wanted), 0, "012");
  EXPECT_EQ(uploads.get(ada, {*row.upload_id}).files.size(), 1U);
}

TEST_P(TransfersTest, AFullDiskKeepsWhatWasAcknowledged) {
  const TransferRow row = begin(6);
  send(row, 0, "012");
  disk_is_full = true;
  EXPECT_EQ(code_of([&] { send(row, 3, "345"); }), ErrorCode::insufficient_storage);
  disk_is_full = false;
  EXPECT_EQ(now(row).offset_bytes, 3);
  EXPECT_EQ(send(row, 3, "345").sha256, sha256("012345"));
}

TEST_P(TransfersTest, NobodyElseSeesIt) {
  const TransferRow row = begin(6);
  for (const Context* ctx : {&bob, &stranger}) {
    EXPECT_EQ(code_of([&] { transfers.get(*ctx, {row.id}); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { transfers.remove(*ctx, {row.id}); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { transfers.receive(*ctx, row.id, 0, std::nullopt, std::nullopt); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { transfers.create(*ctx, file(upload, "x", 1)); }), ErrorCode::not_found);
    EXPECT_EQ(code_of([&] { concatenate(*ctx, file(upload, "x", 1), {row.id.str()}); }), ErrorCode::not_found);
  }
}

TEST_P(TransfersTest, PartsArePutTogetherAndGoAway) {
  const TransferRow a = part("0123456789");
  const TransferRow b = part("abc");
  EXPECT_EQ(a.state, TransferState::complete);
  NewTransfer whole = file(upload, "model.onnx", std::nullopt);
  whole.concatenation = "final;a b";
  whole.sha256 = sha256("abc0123456789");
  const TransferRow done = concatenate(ada, whole, {b.id.str(), a.id.str()});
  EXPECT_EQ(done.state, TransferState::complete);
  EXPECT_EQ(files().at(0).sha256, sha256("abc0123456789"));
  EXPECT_EQ(code_of([&] { now(a); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { receiver(done, 13); }), ErrorCode::forbidden);
  EXPECT_EQ(count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 1U);
}

TEST_P(TransfersTest, OnlyCompletePartsArePutTogether) {
  const TransferRow file_of_its_own = begin(3);
  NewTransfer wanted;
  wanted.size_bytes = 3;
  wanted.concatenation = "partial";
  const TransferRow unfinished = begin(wanted);
  NewTransfer whole = file(upload, "x", std::nullopt);
  for (const TransferRow& row : {file_of_its_own, unfinished})
    EXPECT_EQ(code_of([&] { concatenate(ada, whole, {row.id.str()}); }), ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { concatenate(ada, whole, {"nonsense"}); }), ErrorCode::not_found);
}

TEST_P(TransfersTest, AnArchiveBecomesItsFiles) {
  EXPECT_EQ(unpacked("net/model.onnx=content\nnet/config.json={}").state, TransferState::complete);
  ASSERT_EQ(files().size(), 2U);
  EXPECT_EQ(files()[0].path.str(), "config.json") << "a folder of all files is left out";
  EXPECT_EQ(files()[1].sha256, sha256("content"));
  EXPECT_EQ(count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 2U);
}

TEST_P(TransfersTest, AnArchiveThatIsRefusedLeavesNothing) {
  EXPECT_EQ(code_of([&] { unpacked("broken"); }), ErrorCode::unprocessable);
  EXPECT_EQ(code_of([&] { unpacked("a=1\nb=2\nc=3\nd=4\ne=5"); }), ErrorCode::unprocessable) << "five files";
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(count("transfers") + count("artifacts") + count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 0U);
}

TEST_P(TransfersTest, AnUploadIsNotSealedWhileFilesAreOnTheirWay) {
  put(ada, upload, "first", "content");
  service.create_model(ada, model_named("m"));
  std::vector<TransferRow> rows;
  for (const char* path : {"f", "e", "d", "c", "b", "a"}) rows.push_back(begin(file(upload, path, 3)));
  CreateModel with_source = model_named("n");
  with_source.source = UploadSource{upload};
  const auto seals = {std::function([&] { service.analyze(ada, {upload}); }), std::function([&] {
                        service.create_version(ada, {named("m"), upload, std::nullopt, *Description::parse("")});
                      }),
                      std::function([&] { service.create_model(ada, with_source); })};
  for (const auto& seal : seals) {
    const Error error = error_of(seal);
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message, ::testing::HasSubstr("on their way: a, b, c, d, e and 1 more."));
  }
  EXPECT_EQ(uploads.get(ada, {upload}).state, UploadState::open);
  send(rows.back(), 0, "012");
  EXPECT_THAT(error_of(*seals.begin()).message, ::testing::HasSubstr("on their way: b, c, d, e, f."));
  rows.pop_back();
  for (const TransferRow& row : rows) transfers.remove(ada, {row.id});
  service.analyze(ada, {upload});
  EXPECT_EQ(files().size(), 2U);
}

TEST_P(TransfersTest, AFileThatExpiredDoesNotHoldUpItsUpload) {
  begin(3);
  clock.advance(uploads.limits().age_max + std::chrono::hours(1));
  put(ada, upload, "first", "content");
  service.analyze(ada, {upload});
  EXPECT_EQ(uploads.get(ada, {upload}).state, UploadState::sealed);
}

TEST_P(TransfersTest, OneWhoseBeginningWasNotAnsweredDoesNotHoldUpItsUpload) {
  begin(3);  // the client never learns of it
  clock.advance(std::chrono::seconds(1));
  const TransferRow again = begin(3);
  send(again, 0, "012");
  clock.advance(std::chrono::seconds(1));
  const TransferRow replacement = begin(4);
  EXPECT_EQ(code_of([&] { service.analyze(ada, {upload}); }), ErrorCode::conflict);
  transfers.remove(ada, {replacement.id});
  service.analyze(ada, {upload});
  EXPECT_EQ(files().size(), 1U);
}

TEST_P(TransfersTest, AnUploadThatIsSealedMeanwhileTakesNoFile) {
  put(ada, upload, "first", "content");
  const TransferRow row = begin(3);
  // An earlier release sealed it all the same.
  database->write([&](db::Tx& tx) {
    store::seal_upload(tx, *store::find_upload(tx, org.str(), upload.str()), sha256("content"), clock.now());
  });
  EXPECT_EQ(code_of([&] { send(row, 0, "012"); }), ErrorCode::conflict);
  EXPECT_EQ(files().size(), 1U);
  EXPECT_EQ(count("unclaimed_blobs"), 0);
}

TEST_P(TransfersTest, GivenUpItLeavesNothing) {
  const TransferRow row = begin(6);
  send(row, 0, "012");
  transfers.remove(ada, {row.id});
  EXPECT_EQ(code_of([&] { now(row); }), ErrorCode::not_found);
  EXPECT_EQ(blobs_on_disk(), 0U);
  const TransferRow done = send(begin(3), 0, "abc");
  transfers.remove(ada, {done.id});
  EXPECT_EQ(files().size(), 1U) << "the file that it became stays";
}

TEST_P(TransfersTest, OneThatIsRemovedWhileItArrivesCannotEnd) {
  const TransferRow row = begin(3);
  const auto to = receiver(row, 0);
  to->write("012");
  uploads.remove(ada, {upload});
  EXPECT_EQ(code_of([&] { to->finish(); }), ErrorCode::conflict);
}

TEST_P(TransfersTest, AnAbandonedOneExpires) {
  const TransferRow row = begin(6);
  send(row, 0, "012");
  clock.advance(uploads.limits().age_max / 2);
  send(row, 3, "34");
  clock.advance(uploads.limits().age_max / 2 + std::chrono::hours(1));
  uploads.clean_up([](db::Tx&) {});
  EXPECT_EQ(now(row).offset_bytes, 5) << "what arrives prolongs it";
  clock.advance(uploads.limits().age_max);
  EXPECT_EQ(code_of([&] { now(row); }), ErrorCode::gone);
  uploads.clean_up([](db::Tx&) {});
  EXPECT_EQ(code_of([&] { now(row); }), ErrorCode::not_found);
  EXPECT_EQ(count("transfers") + count("transfer_parts") + count("unclaimed_blobs"), 0);
  EXPECT_EQ(blobs_on_disk(), 0U);
}

TEST_P(TransfersTest, AnOrganisationHasAQuota) {
  const auto set = [&](std::int64_t bytes, std::int64_t number) {
    quotas.set(admin, {named("acme"), *QuotaBytes::parse(bytes), *QuotaTransfers::parse(number)});
  };
  set(10, 2);
  put(ada, upload, "a", "012345");
  EXPECT_EQ(code_of([&] { begin(5); }), ErrorCode::too_large);
  const TransferRow row = begin(4);
  EXPECT_EQ(code_of([&] { begin(1); }), ErrorCode::too_large) << "what is announced counts";
  EXPECT_EQ(quotas.usage(ada, {}).bytes_pending, 4);
  send(row, 0, "6789");
  const StorageUsage full = quotas.usage(ada, {});
  EXPECT_EQ(full.bytes_kept, 10);
  EXPECT_EQ(full.bytes_pending, 0);
  EXPECT_EQ(full.bytes_max, 10);
  set(1000, 2);
  begin(file(upload, "b", 1));
  const TransferRow deferred = begin(file(upload, "c", std::nullopt));
  EXPECT_EQ(code_of([&] { begin(file(upload, "d", 1)); }), ErrorCode::too_many_requests);
  set(13, 2);
  EXPECT_EQ(code_of([&] { send(deferred, 0, "more"); }), ErrorCode::too_large) << "without a length as it comes";
  EXPECT_EQ(quotas.usage(stranger, {}).bytes_max, 8 << 20) << "others have the default";
  EXPECT_EQ(blobs_on_disk(), 4U) << "what was refused left nothing";
}

TEST_P(TransfersTest, ManyFilesAtOnceEndEachForItself) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 3; ++k) put(ada, upload, fmt::format("f{}", i), fmt::format("content {}", k));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(files().size(), 4U);
  EXPECT_EQ(count("artifacts"), 1);
  EXPECT_EQ(count("transfers"), 12);
}

MODELOPS_ON_BOTH_DATABASES(TransfersTest);

}  // namespace
}  // namespace modelops::registry
