#include <gmock/gmock.h>

#include "base/text.hpp"
#include "migrations/migrations.hpp"
#include "platform/api/guesses.hpp"
#include "platform/api/router.hpp"
#include "platform/http/client.hpp"
#include "platform/http/server.hpp"
#include "tests/support/database.hpp"

namespace modelops::api {
namespace shelf {

using reflect::Slug;

struct Book {
  std::string id;
  Slug name;
  std::int64_t pages = 0;
  std::int64_t row_version = 1;
};
MODELOPS_DESCRIBE(Book, id, name, pages, row_version);
struct AddBook {
  Slug name;
  reflect::Ranged<1, 10'000> pages;
};
MODELOPS_DESCRIBE(AddBook, name, pages);
struct BookReference {
  Slug book;
  bool long_form = false;
};
MODELOPS_DESCRIBE(BookReference, book, long_form);
struct ChangeBook {
  Slug book;
  reflect::Patch<reflect::Ranged<1, 10'000>> pages;
};
MODELOPS_DESCRIBE(ChangeBook, book, pages);

constexpr Permission books_write{"books:write"};
constexpr Permission books_read{"books:read"};

/// One shelf in memory; the database keeps the answers of keyed requests.
class Service {
 public:
  explicit Service(db::Database& database) : database_(database) {}
  Book add(const Context& ctx, const AddBook& request) {
    return database_.write(ctx, [&](db::Tx& tx) {
      tx.after_commit([&] { ++added; });
      return Book{"b1", request.name, request.pages.number(), 1};
    });
  }
  Book get(const Context&, const BookReference& request) {
    if (request.book.str() == "missing") fail(ErrorCode::not_found, "There is no such book.");
    return {"b1", request.book, request.long_form ? 1000 : 10, 7};
  }
  Book change(const Context& ctx, const ChangeBook& request) {
    if (*ctx.if_match != 7) fail(ErrorCode::precondition_failed, "Somebody was faster.");
    return {"b1", request.book, request.pages.value ? request.pages.value->number() : 0, 8};
  }
  void remove(const Context&, const BookReference&) { ++removed; }
  Book read_aloud(const Context&, const BookReference& request, const http::Request& raw) {
    return {raw.path + "?" + raw.query + " " + std::string(raw.headers.get("X-Voice")), request.book, 1, 1};
  }
  std::unique_ptr<http::BodySink> upload(const Context&, const BookReference& request, const http::Request&) {
    struct Sink : http::BodySink {
      explicit Sink(std::string n) : name(std::move(n)) {}
      void write(std::string_view bytes) override { size += bytes.size(); }
      http::Response finish() override { return {201, {}, name + ":" + std::to_string(size)}; }
      std::string name;
      std::size_t size = 0;
    };
    return std::make_unique<Sink>(request.book.str());
  }

  std::atomic<int> added = 0;
  std::atomic<int> removed = 0;

 private:
  db::Database& database_;
};

struct TestAccess final : Access {
  Context authenticate(const http::Request& request) override {
    Context ctx;
    const auto header = request.headers.find("Authorization");
    if (!header) return ctx;
    ctx.actor.kind = ActorKind::user;
    ctx.actor.id = std::string(*header);
    ctx.org_id = "org";
    ctx.actor.permissions = {"books:read"};
    if (*header == "writer") ctx.actor.permissions.add("books:write");
    return ctx;
  }
  bool knows(const http::Request& request, Permission permission) override {
    return remembers && authenticate(request).may(permission);
  }
  void authorize(const Context& ctx, Permission permission) override {
    if (permission == anyone) return;
    if (ctx.actor.kind == ActorKind::anonymous) fail(ErrorCode::unauthenticated, "Sign in.");
    if (permission != signed_in && !ctx.may(permission)) fail(ErrorCode::forbidden, "No.");
  }
  void refused(const Context&, Permission permission, std::string_view) override {
    refusals.emplace_back(permission.name);
  }
  std::vector<std::string> refusals;
  bool remembers = true;
  std::string protect(const Context&, std::string_view, std::string_view body) override { return to_hex(body); }
  std::string unprotect(const Context&, std::string_view, std::string_view sealed) override {
    return *from_hex(sealed);
  }
};

Routes routes(Service& s) {
  using enum http::Method;
  return {
      route(post, "/api/v1/books", "add_book", books_write, "Add", s, &Service::add,
            {.status = 201, .location = "/api/v1/books/{id}"}),
      route(http::Method::get, "/api/v1/books/{book}", "get_book", books_read, "Get", s, &Service::get,
            {.brief = true}),
      route(patch, "/api/v1/books/{book}", "change_book", books_write, "Change", s, &Service::change),
      route(http::Method::get, "/api/v1/books/{book}/aloud", "read_aloud", books_read, "Read", s, &Service::read_aloud),
      route(delete_, "/api/v1/books/{book}", "remove_book", books_write, "Remove", s, &Service::remove),
      route(post, "/api/v1/books/{book}/scan", "upload_scan", books_write, "Upload", s, &Service::upload,
            {.body_bytes_max = 1 << 30}),
  };
}

}  // namespace shelf

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() { database->migrate(all_migrations()); }
  http::Response send(http::Method method, const std::string& path, std::string body = {}, http::Headers headers = {}) {
    if (!headers.find("Authorization")) headers.set("Authorization", "writer");
    if (!body.empty() && !headers.find("Content-Type")) headers.set("Content-Type", "application/json");
    http::ClientRequest request;
    request.method = method;
    request.url = fmt::format("http://127.0.0.1:{}{}", server.port(), path);
    request.headers = std::move(headers);
    request.body = std::move(body);
    return client.send(request);
  }
  static http::Headers with(std::string_view name, std::string_view value) {
    http::Headers headers;
    headers.set(name, value);
    return headers;
  }

  testing::TestDatabase database{db::Dialect::sqlite};
  shelf::Service service{*database};
  shelf::TestAccess access;
  static std::vector<Page> pages() {
    const auto tell = [](std::string text) {
      return [text](const http::Request&) { return http::Response{200, {}, text}; };
    };
    return {{"/", tell("root")}, {"/app", tell("app")}, {"/app/", tell("below")}};
  }
  Router router{shelf::routes(service), access, pages()};
  events::Topics topics;
  http::Server server{{}, router, topics};
  http::Client client{{.addresses = http::AddressPolicy::any}};
};

using enum http::Method;

TEST_F(ApiTest, AnswersCarryEtagAndLocation) {
  const auto made = send(post, "/api/v1/books", R"({"name":"moby","pages":600})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.headers.get("Location"), "/api/v1/books/b1");
  EXPECT_EQ(made.headers.get("ETag"), "\"1\"");
  EXPECT_EQ(made.body, R"({"id":"b1","name":"moby","pages":600,"row_version":1})");
  EXPECT_EQ(send(get, "/api/v1/books/moby?long_form=true").body,
            R"({"id":"b1","name":"moby","pages":1000,"row_version":7})");
  EXPECT_EQ(send(get, "/api/v1/books/moby", {}, with("If-None-Match", "\"7\"")).status, 304);
  EXPECT_EQ(send(delete_, "/api/v1/books/moby").status, 204);
}

TEST_F(ApiTest, APageThatEndsInASlashAnswersWhatIsBelowIt) {
  EXPECT_EQ(send(get, "/").body, "root");
  EXPECT_EQ(send(get, "/app").body, "app");
  EXPECT_EQ(send(get, "/app/").body, "below");
  EXPECT_EQ(send(get, "/app/deep/er").body, "below");
  EXPECT_EQ(send(get, "/apple").status, 404);
  EXPECT_EQ(send(post, "/app/deep", "{}").status, 404);
}

TEST_F(ApiTest, RefusalsNameEachField) {
  const auto refused = send(post, "/api/v1/books", R"({"name":"../x","pages":0,"colour":1})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.headers.get("Content-Type"), "application/problem+json");
  for (const char* pointer : {"\"/name\"", "\"/pages\"", "\"/colour\""})
    EXPECT_THAT(refused.body, ::testing::HasSubstr(pointer));
  EXPECT_EQ(send(post, "/api/v1/books", "{").status, 400);
  EXPECT_EQ(send(post, "/api/v1/books", "").status, 422);
  EXPECT_EQ(send(post, "/api/v1/books", "name=x", with("Content-Type", "application/x-www-form-urlencoded")).status,
            415);
  EXPECT_EQ(send(get, "/api/v1/books/moby?nonsense=1").status, 422);
  EXPECT_EQ(send(get, "/api/v1/books/moby?long_form=true&long_form=true").status, 422);
  EXPECT_EQ(send(get, "/api/v1/books/..%2F..").status, 422);
  EXPECT_EQ(send(get, "/api/v1/books/moby%00").status, 422);
  EXPECT_EQ(send(get, "/api/v1/books/missing").status, 404);
  EXPECT_EQ(send(get, "/api/v1/nothing").status, 404);
  EXPECT_EQ(send(put, "/api/v1/books/moby", "{}").status, 405);
  EXPECT_EQ(service.added, 0);
}

TEST_F(ApiTest, PermissionsAreDecidedBeforeAnythingIsRead) {
  EXPECT_EQ(send(post, "/api/v1/books", "{", with("Authorization", "reader")).status, 403);
  EXPECT_THAT(access.refusals, ::testing::ElementsAre("books:write"));
  http::ClientRequest request;
  request.url = fmt::format("http://127.0.0.1:{}/api/v1/books/moby", server.port());
  EXPECT_EQ(client.send(request).status, 401);
}

TEST_F(ApiTest, ChangesMustNameTheVersionTheySaw) {
  EXPECT_EQ(send(patch, "/api/v1/books/moby", "{}").status, 428);
  EXPECT_EQ(send(patch, "/api/v1/books/moby", "{}", with("If-Match", "\"6\"")).status, 412);
  EXPECT_EQ(send(patch, "/api/v1/books/moby", "{}", with("If-Match", "*")).status, 412);
  const auto changed = send(patch, "/api/v1/books/moby", R"({"pages":12})", with("If-Match", "\"7\""));
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.headers.get("ETag"), "\"8\"");
}

TEST_F(ApiTest, ARepeatedRequestGetsTheSameAnswerOnce) {
  const std::string body = R"({"name":"moby","pages":600})";
  const auto first = send(post, "/api/v1/books", body, with("Idempotency-Key", "k-1"));
  const auto second = send(post, "/api/v1/books", body, with("Idempotency-Key", "k-1"));
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.headers.get("Idempotency-Replayed"), "true");
  EXPECT_EQ(service.added, 1);
  EXPECT_EQ(send(post, "/api/v1/books", R"({"name":"dick","pages":6})", with("Idempotency-Key", "k-1")).status, 422);
  EXPECT_EQ(send(post, "/api/v1/books", body, with("Idempotency-Key", "white space")).status, 400);
  EXPECT_EQ(send(post, "/api/v1/books", body).status, 201);
  EXPECT_EQ(service.added, 2);
}

/// What `router` plans for GET of a book, after that was asked for often.
class BriefTest : public ApiTest {
 protected:
  http::Request head(const std::string& path = "/api/v1/books/moby") const {
    http::Request request;
    request.path = path;
    request.headers.set("Authorization", "reader");
    return request;
  }
  void ask_often(Router& router, const http::Request& request) const {
    for (int i = 0; i < 64; ++i) {
      const http::Plan plan = router.plan(request);
      EXPECT_FALSE(plan.is_brief) << i;
      router.handle(plan, http::Request(request));
    }
  }
  Router make(std::chrono::microseconds brief_run_max, const db::Database* of) {
    return {shelf::routes(service), access, {}, {.database = of, .brief_run_max = brief_run_max}};
  }
  /// Has a connection that reads, as one that has answered before does.
  const db::Database* opened() {
    database->read([](db::Tx& tx) { tx.value<std::int64_t>("SELECT 1"); });
    return &*database;
  }
};

TEST_F(BriefTest, ReadsThatWereQuickAreAnsweredWhereTheyWereRead) {
  Router quick = make(std::chrono::hours(1), opened());
  ask_often(quick, head());
  EXPECT_TRUE(quick.plan(head()).is_brief);
  Router slow = make(std::chrono::microseconds(-1), opened());
  ask_often(slow, head());
  EXPECT_FALSE(slow.plan(head()).is_brief);
}

TEST_F(BriefTest, NothingThatMayWaitIs) {
  Router quick = make(std::chrono::hours(1), opened());
  ask_often(quick, head());
  ask_often(quick, head("/api/v1/books/moby/aloud"));
  EXPECT_FALSE(quick.plan(head("/api/v1/books/moby/aloud")).is_brief) << "nobody said that it reads a few rows only";
  database->read([&](db::Tx&) { EXPECT_FALSE(quick.plan(head()).is_brief) << "no connection is free"; });
  http::Request nobody = head();
  nobody.headers.remove("Authorization");
  EXPECT_FALSE(quick.plan(nobody).is_brief) << "a refusal is recorded";
  access.remembers = false;
  EXPECT_FALSE(quick.plan(head()).is_brief) << "the credentials must be read";
  access.remembers = true;
  EXPECT_TRUE(quick.plan(head()).is_brief);
  Router elsewhere = make(std::chrono::hours(1), nullptr);
  ask_often(elsewhere, head());
  EXPECT_FALSE(elsewhere.plan(head()).is_brief);
}

TEST_F(ApiTest, AHandlerMayAskForTheRequestAsItCame) {
  const auto answer = send(get, "/api/v1/books/moby/aloud?long_form=true", {}, with("X-Voice", "deep"));
  EXPECT_THAT(answer.body, ::testing::HasSubstr(R"("id":"/api/v1/books/moby/aloud?long_form=true deep")"));
}

TEST_F(ApiTest, UploadsStream) {
  const auto answer = send(post, "/api/v1/books/moby/scan", std::string(3'000'000, 'x'),
                           with("Content-Type", "application/octet-stream"));
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "moby:3000000");
  EXPECT_EQ(send(post, "/api/v1/books/UPPER/scan", "x").status, 422);
}

TEST_F(ApiTest, TheDocumentDescribesEveryRoute) {
  const auto document = reflect::parse_json_value(openapi(router.routes(), "1"), {.depth_max = 64});
  const auto& paths = document.at("paths").as_object();
  EXPECT_EQ(paths.at("/api/v1/books").at("post").at("operationId"), "add_book");
  const auto& change = paths.at("/api/v1/books/{book}").at("patch").as_object();
  EXPECT_THAT(reflect::to_json(change.at("parameters")),
              ::testing::AllOf(::testing::HasSubstr("If-Match"), ::testing::HasSubstr("\"path\"")));
  EXPECT_EQ(change.at("x-permission"), "books:write");
}

TEST(GuessesTest, EachNetworkHasItsOwnAndTheyComeBack) {
  ManualClock clock;
  Guesses guesses(clock);
  const auto wait = [&](const std::string& address) {
    try {
      guesses.take(address);
      return 0;
    } catch (const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::too_many_requests);
      return error.retry_after_seconds.value_or(-1);
    }
  };
  for (int i = 0; i < Guesses::most; ++i) EXPECT_EQ(wait(fmt::format("2001:db8::{:x}", i)), 0);
  EXPECT_EQ(wait("2001:db8::ffff"), 10) << "an IPv6 host has a whole network";
  EXPECT_THROW(guesses.require_left("2001:db8::1"), Error);
  EXPECT_EQ(wait("2001:db8:0:1::1"), 0);
  clock.advance(std::chrono::seconds(4));
  EXPECT_EQ(wait("2001:db8::1"), 6);
  clock.advance(std::chrono::seconds(6));
  guesses.require_left("2001:db8::1");
  EXPECT_EQ(wait("2001:db8::1"), 0);
  EXPECT_EQ(wait("2001:db8::1"), 10);
  clock.advance(-std::chrono::hours(48));
  EXPECT_EQ(wait("2001:db8::1"), 10) << "a clock that is set back shuts nobody out for longer";
}

TEST(GuessesTest, MemoryIsBoundedAndWhoGoesOnGuessingIsNotForgotten) {
  ManualClock clock;
  Guesses guesses(clock);
  const auto others = [&](std::size_t count) {
    static std::size_t n = 0;
    for (std::size_t i = 0; i < count; ++i, ++n) guesses.take(fmt::format("10.{}.{}.1", n / 250, n % 250));
  };
  for (int i = 0; i < Guesses::most; ++i) guesses.take("192.0.2.1");
  for (int i = 0; i < Guesses::most; ++i) guesses.take("192.0.2.2");
  others(Guesses::clients_max - 2);
  EXPECT_THROW(guesses.take("192.0.2.1"), Error);
  others(1);
  guesses.take("192.0.2.2");  // the longest silent makes room
  EXPECT_THROW(guesses.take("192.0.2.1"), Error);
  others(Guesses::clients_max / 2);
  EXPECT_THROW(guesses.require_left("192.0.2.1"), Error);
  others(Guesses::clients_max / 2);
  EXPECT_THROW(guesses.require_left("192.0.2.1"), Error);
  others(Guesses::clients_max);
  guesses.require_left("192.0.2.1");
}

}  // namespace modelops::api
