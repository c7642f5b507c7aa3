#include "platform/db/database.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "base/text.hpp"
#include "tests/support/database.hpp"
#include "tests/support/relay.hpp"

namespace modelops::db {
namespace note {

enum class Mood { calm, wild };
MODELOPS_DESCRIBE_ENUM(Mood, calm, wild)

struct Note {
  std::string id;
  Mood mood = Mood::calm;
  std::optional<std::int64_t> size;
  bool done = false;
  std::map<std::string, std::string> tags;
};
MODELOPS_DESCRIBE(Note, id, mood, size, done, tags);

}  // namespace note
using note::Mood;
using note::Note;

constexpr Migration migrations[] = {
    {1, "notes",
     "-- a comment; with a semicolon\n"
     "CREATE TABLE notes (id TEXT PRIMARY KEY, mood TEXT NOT NULL, size BIGINT, done BOOLEAN NOT NULL, tags TEXT);\n"
     "CREATE TABLE idempotency_keys (principal_id TEXT NOT NULL, idempotency_key TEXT NOT NULL, request_hash TEXT NOT "
     "NULL, status BIGINT NOT NULL, body TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (principal_id, "
     "idempotency_key));\n"},
    {2, "index", "CREATE INDEX notes_by_size ON notes (size);\n"},
};

class DatabaseTest : public ::testing::TestWithParam<Dialect> {
 protected:
  void SetUp() override { database->migrate(migrations); }
  std::optional<Note> find(std::string_view id) {
    return database->read(
        [&](Tx& tx) { return tx.find<Note>("SELECT " + reflect::columns<Note>() + " FROM notes WHERE id = ?", id); });
  }
  void add(const std::string& id) {
    database->write([&](Tx& tx) { tx.insert("notes", Note{id, Mood::calm, std::nullopt, false, {}}); });
  }
  std::int64_t count() {
    return database->read([](Tx& tx) { return *tx.value<std::int64_t>("SELECT count(*) FROM notes"); });
  }
  testing::TestDatabase database{GetParam()};
};

TEST_P(DatabaseTest, RowsRoundTrip) {
  const Note note{"é'?\"", Mood::wild, 9'007'199'254'740'993, true, {{"a", "b"}}};
  database->write([&](Tx& tx) { tx.insert("notes", note); });
  add("plain");
  const auto back = find(note.id);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->mood, Mood::wild);
  EXPECT_EQ(back->size, note.size);
  EXPECT_TRUE(back->done);
  EXPECT_EQ(back->tags, note.tags);
  EXPECT_FALSE(find("plain")->size);
  EXPECT_FALSE(find("absent"));
  EXPECT_EQ(database->write([](Tx& tx) { return tx.run("UPDATE notes SET done = ? WHERE done = ?", true, false); }), 1);
}

TEST_P(DatabaseTest, QuestionMarksInsideQuotesAreText) {
  EXPECT_EQ(database->read([](Tx& tx) { return tx.value<std::string>("SELECT 'what?' || ?", std::string("!")); }),
            "what?!");
}

TEST_P(DatabaseTest, AFailedWriteChangesNothingAndSparesItsNeighbours) {
  EXPECT_THROW(database->write([](Tx& tx) {
    tx.insert("notes", Note{"a", Mood::calm, std::nullopt, false, {}});
    fail(ErrorCode::conflict, "no");
  }),
               Error);
  EXPECT_EQ(count(), 0);
  std::vector<std::thread> threads;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 20; ++k) {
        try {
          database->write([&](Tx& tx) {
            tx.insert("notes", Note{fmt::format("{}-{}", i, k), Mood::calm, std::nullopt, false, {}});
            if (k % 4 == 0) fail(ErrorCode::conflict, "no");
          });
        } catch (const Error& error) {
          if (error.code == ErrorCode::conflict) ++refused;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused, 8 * 5);
  EXPECT_EQ(count(), 8 * 15);
}

TEST_P(DatabaseTest, ADoubleKeyIsAConflict) {
  add("a");
  try {
    add("a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::conflict);
  }
}

TEST_P(DatabaseTest, ConcurrentReadModifyWritesLoseNothing) {
  database->write([](Tx& tx) { tx.insert("notes", Note{"n", Mood::calm, 0, false, {}}); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) {
        database->write([](Tx& tx) {
          const auto size = *tx.value<std::int64_t>("SELECT size FROM notes WHERE id = 'n'");
          tx.run("UPDATE notes SET size = ? WHERE id = 'n'", size + 1);
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(find("n")->size, 40);
}

TEST_P(DatabaseTest, AReadSeesOneSnapshot) {
  add("a");
  database->read([&](Tx& tx) {
    const auto before = tx.value<std::int64_t>("SELECT count(*) FROM notes");
    std::thread([&] { add("b"); }).join();
    EXPECT_EQ(tx.value<std::int64_t>("SELECT count(*) FROM notes"), before);
  });
  EXPECT_EQ(count(), 2);
}

TEST_P(DatabaseTest, HooksRunOnceAfterTheCommitOnly) {
  int ran = 0;
  database->write([&](Tx& tx) {
    tx.after_commit([&] { ++ran; });
    EXPECT_EQ(ran, 0);
  });
  EXPECT_EQ(ran, 1);
  EXPECT_THROW(database->write([&](Tx& tx) {
    tx.after_commit([&] { ++ran; });
    fail(ErrorCode::conflict, "no");
  }),
               Error);
  database->write([](Tx&) {});
  EXPECT_EQ(ran, 1);
}

TEST_P(DatabaseTest, TextComparesByBytes) {
  for (const char* id : {"b", "B", "a", "é", "_", "Z"}) add(id);
  EXPECT_THAT(database->read([](Tx& tx) { return tx.values<std::string>("SELECT id FROM notes ORDER BY id"); }),
              ::testing::ElementsAre("B", "Z", "_", "a", "b", "é"));
  EXPECT_EQ(database
                ->read([](Tx& tx) {
                  return tx.values<std::string>("SELECT id FROM notes WHERE id LIKE ?", std::string("b%"));
                })
                .size(),
            1u);
}

TEST_P(DatabaseTest, AnAnswerIsKeptWithItsChange) {
  Idempotency use{
      .key = "k1", .request_hash = "h1", .status = 201, .protect = [](std::string_view s) { return to_hex(s); }};
  Context ctx;
  ctx.actor.id = "usr_1";
  ctx.idempotency = &use;
  const auto create = [&] {
    return database->write(ctx, [](Tx& tx) {
      Note note{"n", Mood::calm, std::nullopt, false, {}};
      tx.insert("notes", note);
      return note;
    });
  };
  create();
  EXPECT_TRUE(use.stored);
  try {
    create();
    FAIL();
  } catch (const Replayed& replayed) {
    EXPECT_EQ(replayed.status, 201);
    EXPECT_THAT(*from_hex(replayed.sealed_body), ::testing::HasSubstr("\"id\":\"n\""));
  }
  use.request_hash = "h2";
  EXPECT_THROW(create(), Error);
  ctx.actor.id = "usr_2";
  EXPECT_THROW(create(), Error);  // a key is per principal: this runs, and meets the row
}

TEST_P(DatabaseTest, MigrationsAreForwardOnly) {
  database->migrate(migrations);  // again: nothing to do
  database.reopen();
  database->migrate(migrations);
  try {
    database->migrate(std::span(migrations).first(1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message, ::testing::HasSubstr("newer"));
  }
  constexpr Migration edited[] = {{1, "notes", "SELECT 1;\n"}, migrations[1]};
  EXPECT_THROW(database->migrate(edited), Error);
}

MODELOPS_ON_BOTH_DATABASES(DatabaseTest);

TEST(Database, AServerThatFallsSilentIsGivenUpAndFoundAgain) {
  testing::TestDatabase database(Dialect::postgres);
  const std::string url = database.url();
  const std::size_t colon = url.rfind(':');
  testing::Relay relay(std::stoi(url.substr(colon + 1)));
  const auto through = Database::open({.url = fmt::format("{}:{}{}?connect_timeout=2", url.substr(0, colon),
                                                          relay.port(), url.substr(url.find('/', colon))),
                                       .statement_timeout = std::chrono::milliseconds(100)});
  const auto ask = [&] { return through->read([](Tx& tx) { return tx.value<std::int64_t>("SELECT 7"); }); };
  EXPECT_EQ(ask(), 7);
  relay.freeze();
  try {
    ask();
    ADD_FAILURE() << "nobody answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unavailable) << error.message;
  }
  relay.thaw();
  EXPECT_EQ(ask(), 7);
}

TEST(Database, AWrongUrlIsTold) {
  EXPECT_THROW(Database::open({.url = "mysql://x"}), Error);
  EXPECT_THROW(Database::open({.url = "sqlite:/nonexistent/folder/x.db"}), Error);
  EXPECT_THROW(Database::open({.url = "postgresql://nobody@127.0.0.1:1/x"}), Error);
}

}  // namespace modelops::db
