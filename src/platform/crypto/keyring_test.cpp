#include "platform/crypto/keyring.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/text.hpp"

namespace modelops::crypto {
namespace {

namespace fs = std::filesystem;

class MemoryDataKeys final : public DataKeys {
 public:
  std::optional<std::string> find(const KeyOwner& owner) override {
    const auto at = rows.find(owner);
    return at == rows.end() ? std::nullopt : std::optional(at->second);
  }
  std::string insert(const KeyOwner& owner, const std::string& wrapped) override {
    return rows.emplace(owner, wrapped).first->second;
  }
  void replace(const KeyOwner& owner, const std::string& wrapped) override { rows.at(owner) = wrapped; }
  void erase(const KeyOwner& owner) override { rows.erase(owner); }

  std::map<KeyOwner, std::string> rows;
};

class KeyringTest : public testing::Test {
 protected:
  KeyringTest() { fs::create_directories(data); }
  ~KeyringTest() override { fs::remove_all(root); }

  std::string content() const {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void put(const std::string& text) const {
    std::ofstream(file) << text;
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  }

  const fs::path root = fs::temp_directory_path() / ("modelops-keyring-" + new_uuid7());
  const fs::path data = root / "data";
  const fs::path file = root / "config" / "master.key";
};

template <class F>
std::optional<ErrorCode> error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code;
  }
  return std::nullopt;
}

TEST_F(KeyringTest, FirstStartMakesAPrivateFileAndLaterOnesKeepIt) {
  const std::string id = Keyring(file, data).active_key_id();
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(file.parent_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  const std::string before = content();
  EXPECT_EQ(Keyring(file, data).active_key_id(), id);
  EXPECT_EQ(content(), before);
  EXPECT_FALSE(fs::exists(file.string() + ".new"));
}

TEST_F(KeyringTest, RefusesAFileThatOthersMayRead) {
  Keyring(file, data);
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_EQ(error_of([&] { Keyring(file, data); }), ErrorCode::invalid) << mode;
  }
  ASSERT_EQ(::chmod(file.c_str(), 0400), 0);
  EXPECT_FALSE(error_of([&] { Keyring(file, data); }));
}

TEST_F(KeyringTest, RefusesAPlaceInsideTheDataFolder) {
  fs::create_directory_symlink(data, root / "link");
  for (const fs::path& inside : {data / "master.key", data / "a" / "b" / "master.key",
                                 data / ".." / "data" / "master.key", root / "link" / "master.key"})
    EXPECT_EQ(error_of([&] { Keyring(inside, data); }), ErrorCode::invalid) << inside;
  EXPECT_EQ(error_of([&] { Keyring(data / "master.key", data / ""); }), ErrorCode::invalid);
  EXPECT_EQ(error_of([&] { Keyring(data / "master.key", fs::relative(data)); }), ErrorCode::invalid);
  EXPECT_TRUE(fs::is_empty(data));
  EXPECT_FALSE(error_of([&] { Keyring(root / "data2" / "master.key", data); }));  // a longer name is another folder
}

TEST_F(KeyringTest, RefusesADamagedFileAndLeavesItAlone) {
  Keyring(file, data);
  const std::string good = content();
  for (const std::string& bad : {std::string(), std::string("garbage\n"), good.substr(0, good.size() - 1),
                                 good.substr(0, good.size() - 5) + "\n", good + "x\n", good + "\n",
                                 "modelops-master-keys-v1\n" + std::string("\n"), std::string(100'000, 'x')}) {
    put(bad);
    EXPECT_EQ(error_of([&] { Keyring(file, data); }), ErrorCode::invalid) << bad.substr(0, 80);
    EXPECT_EQ(content(), bad);
  }
}

TEST_F(KeyringTest, AFileLeftByAKilledWriterIsNoObstacle) {
  fs::create_directories(file.parent_path());
  std::ofstream(file.string() + ".new") << "modelops-mas";
  Keyring ring(file, data);
  std::ofstream(file.string() + ".new") << "modelops-mas";
  const std::string id = ring.rotate();
  EXPECT_EQ(Keyring(file, data).active_key_id(), id);
  EXPECT_FALSE(fs::exists(file.string() + ".new"));
}

TEST_F(KeyringTest, ProcessesThatStartAtOnceAgreeOnOneKey) {
  std::vector<std::thread> threads;
  std::vector<std::string> ids(8);
  for (std::string& id : ids) threads.emplace_back([&] { id = Keyring(file, data).active_key_id(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1U);
}

TEST_F(KeyringTest, RotationsAtOnceLoseNoKey) {
  Keyring(file, data);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { Keyring(file, data).rotate(); });
  for (std::thread& thread : threads) thread.join();
  const std::string text = content();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1 + 9);
}

TEST_F(KeyringTest, OldKeysStillOpenAfterRotation) {
  Keyring ring(file, data);
  const KeyOwner owner{"org_1"};
  const std::string first = ring.active_key_id();
  const std::string old = ring.wrap(owner, Secret("0123456789abcdef0123456789abcdef"));
  const std::string second = ring.rotate();
  EXPECT_NE(first, second);
  EXPECT_EQ(ring.active_key_id(), second);
  EXPECT_EQ(ring.unwrap(owner, old).reveal(), "0123456789abcdef0123456789abcdef");
  EXPECT_TRUE(ring.is_outdated(old));
  EXPECT_TRUE(ring.wrap(owner, Secret("x")).starts_with("v1." + second + "."));
  EXPECT_EQ(Keyring(file, data).unwrap(owner, old).reveal(), "0123456789abcdef0123456789abcdef");
}

TEST_F(KeyringTest, SeesWhatAnotherProcessRotated) {
  Keyring ring(file, data), other(file, data);
  other.rotate();
  EXPECT_EQ(ring.unwrap({"org_1"}, other.wrap({"org_1"}, Secret("key"))).reveal(), "key");
  EXPECT_EQ(ring.active_key_id(), other.active_key_id());
}

TEST_F(KeyringTest, AnotherInstallationsKeyDoesNotOpen) {
  Keyring ring(file, data), foreign(root / "elsewhere" / "master.key", data);
  EXPECT_EQ(error_of([&] { ring.unwrap({"org_1"}, foreign.wrap({"org_1"}, Secret("key"))); }), ErrorCode::internal);
}

TEST_F(KeyringTest, SecretBoxOpensOnlyInItsPlace) {
  const Keyring ring(file, data);
  MemoryDataKeys rows;
  SecretBox box(ring, rows);
  const KeyOwner owner{"org_1"}, person{"org_1", "usr_1"}, other{"org_2"};
  const std::string sealed = box.seal(owner, "con_1/token", "hf_abc");
  EXPECT_EQ(box.open(owner, "con_1/token", sealed).reveal(), "hf_abc");
  EXPECT_EQ(split(sealed, '.').size(), 3U);
  EXPECT_EQ(rows.rows.size(), 1U);
  EXPECT_EQ(sealed.find("hf_abc"), std::string::npos);

  box.seal(person, "con_1/token", "x");
  box.seal(other, "con_1/token", "x");
  EXPECT_EQ(error_of([&] { box.open(owner, "con_2/token", sealed); }), ErrorCode::internal);
  EXPECT_TRUE(error_of([&] { box.open(other, "con_1/token", sealed); }));
  EXPECT_TRUE(error_of([&] { box.open(person, "con_1/token", sealed); }));
  // Even with the key row moved along.
  rows.rows[other] = rows.rows[owner];
  EXPECT_EQ(error_of([&] { box.open(other, "con_1/token", sealed); }), ErrorCode::internal);
}

TEST_F(KeyringTest, SecretBoxRefusesChangedText) {
  const Keyring ring(file, data);
  MemoryDataKeys rows;
  SecretBox box(ring, rows);
  const KeyOwner owner{"org_1"};
  const std::string sealed = box.seal(owner, "a", "secret");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(error_of([&] { box.open(owner, "a", changed); })) << i;
    EXPECT_TRUE(error_of([&] { box.open(owner, "a", sealed.substr(0, i)); })) << i;
  }
  EXPECT_EQ(error_of([&] { box.open(owner, "a", "v2" + sealed.substr(2)); }), ErrorCode::internal);
}

TEST_F(KeyringTest, ErasingOnePersonsKeyErasesOnlyTheirData) {
  const Keyring ring(file, data);
  MemoryDataKeys rows;
  SecretBox box(ring, rows);
  const KeyOwner ann{"org_1", "usr_ann"}, bob{"org_1", "usr_bob"};
  const std::string of_ann = box.seal(ann, "aud_1", "ann@example.org");
  const std::string of_bob = box.seal(bob, "aud_2", "bob@example.org");
  box.erase(ann);
  EXPECT_EQ(error_of([&] { box.open(ann, "aud_1", of_ann); }), ErrorCode::gone);
  EXPECT_EQ(box.open(bob, "aud_2", of_bob).reveal(), "bob@example.org");
  const std::string again = box.seal(ann, "aud_3", "new");
  EXPECT_EQ(box.open(ann, "aud_3", again).reveal(), "new");
  EXPECT_EQ(error_of([&] { box.open(ann, "aud_1", of_ann); }), ErrorCode::gone);
}

TEST_F(KeyringTest, RewrappedDataKeysNoLongerNeedTheOldMasterKey) {
  MemoryDataKeys rows;
  std::string sealed;
  const KeyOwner owner{"org_1"};
  {
    Keyring ring(file, data);
    SecretBox box(ring, rows);
    sealed = box.seal(owner, "a", "secret");
    EXPECT_FALSE(box.rewrap(owner));
    EXPECT_FALSE(box.rewrap({"org_without_a_key"}));
    ring.rotate();
    EXPECT_TRUE(box.rewrap(owner));
    EXPECT_FALSE(box.rewrap(owner));
  }
  const std::string text = content();
  const auto lines = split(text, '\n');
  put(std::string(lines[0]) + "\n" + std::string(lines[2]) + "\n");  // the first key is gone
  const Keyring ring(file, data);
  EXPECT_EQ(SecretBox(ring, rows).open(owner, "a", sealed).reveal(), "secret");
}

TEST_F(KeyringTest, TheFirstOfTwoInsertedDataKeysWins) {
  const Keyring ring(file, data);
  // Another replica inserts between our look and our insert.
  class Racing final : public DataKeys {
   public:
    explicit Racing(const Keyring& keyring) : ring_(keyring) {}
    std::optional<std::string> find(const KeyOwner&) override {
      return std::exchange(hidden_, false) ? std::nullopt : row_;
    }
    std::string insert(const KeyOwner& owner, const std::string&) override {
      row_ = ring_.wrap(owner, Secret(std::string(32, 'w')));
      return *row_;
    }
    void replace(const KeyOwner&, const std::string&) override {}
    void erase(const KeyOwner&) override {}

   private:
    const Keyring& ring_;
    bool hidden_ = true;
    std::optional<std::string> row_;
  } rows(ring);
  SecretBox box(ring, rows);
  const std::string sealed = box.seal({"org_1"}, "a", "secret");
  EXPECT_EQ(box.open({"org_1"}, "a", sealed).reveal(), "secret");
}

}  // namespace
}  // namespace modelops::crypto
