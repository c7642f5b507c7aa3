// Answers that wait: streams, long polls, and what another thread answers.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <thread>

#include "platform/http/server_fixture_test.hpp"

namespace modelops::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpWaiting : public ServerFixture {
 protected:
  HttpWaiting() {
    options.io_threads = 2;
    options.pool_threads = 2;
    options.drain_linger = 50ms;
  }
};

TEST_F(HttpWaiting, a_stream_sends_what_is_new_when_its_topic_is_notified) {
  std::mutex mutex;
  std::vector<std::string> news;
  handler.routes["/events"] = [&](Request&) {
    Stream stream;
    stream.head.headers.add("Content-Type", "text/event-stream");
    stream.topic = "news";
    stream.interval = 1h;
    stream.poll = [&, sent = std::size_t{0}]() mutable {
      std::lock_guard lock(mutex);
      Stream::Batch batch;
      if (sent < news.size()) batch.bytes = "data: " + news[sent++] + "\n\n";
      batch.more = sent < news.size();
      batch.end = sent == 102;
      return batch;
    };
    return stream;
  };
  start();
  Peer peer = this->peer();
  peer.get("/events");
  const auto head = peer.read_head();  // comes at once, before there is any event
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.get("Transfer-Encoding"), "chunked");
  for (int i = 0; i < 100; ++i) {
    {
      std::lock_guard lock(mutex);
      news.push_back(std::to_string(i));
    }
    topics.notify("news");
    ASSERT_TRUE(peer.await("data: " + std::to_string(i) + "\n\n"));
  }
  {
    std::lock_guard lock(mutex);
    news.push_back("x");
    news.push_back("y");
  }
  topics.notify("news");
  ASSERT_TRUE(peer.await("data: x\n\n"));
  ASSERT_TRUE(peer.await("data: y\n\n\r\n0\r\n\r\n"));  // the stream ended itself: the connection can be used again
  peer.get("/hello");
  EXPECT_EQ(peer.read().body, "hello");
}

TEST_F(HttpWaiting, a_quiet_stream_sends_heartbeats) {
  handler.routes["/events"] = [&](Request&) {
    Stream stream;
    stream.interval = 10ms;
    stream.poll = [] { return Stream::Batch{}; };
    return stream;
  };
  start();
  Peer peer = this->peer();
  peer.get("/events");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(peer.await(": keep-alive\n\n"));
}

TEST_F(HttpWaiting, a_stream_that_cannot_start_is_a_problem_and_one_that_breaks_is_cut) {
  handler.routes["/events"] = [&](Request& request) {
    Stream stream;
    stream.interval = 1ms;
    stream.poll = [polls = request.query == "late" ? 0 : 1]() mutable {
      if (++polls > 1) fail(ErrorCode::gone, "Too old.");
      return Stream::Batch{"first", false};
    };
    return stream;
  };
  start();
  Peer peer = this->peer();
  peer.get("/events");
  EXPECT_EQ(peer.read().status, 410);
  peer.get("/events?late");
  const auto reply = peer.read();
  EXPECT_EQ(reply.body, "first");
  EXPECT_FALSE(reply.complete);
}

TEST_F(HttpWaiting, a_stream_ends_when_its_client_goes_away) {
  Count destroyed;
  handler.routes["/events"] = [&](Request&) {
    Stream stream;
    stream.topic = "never";
    stream.interval = 1h;
    stream.poll = [guard = std::shared_ptr<void>(nullptr, [&](void*) { destroyed.add(); })] { return Stream::Batch{}; };
    return stream;
  };
  start();
  {
    Peer peer = this->peer();
    peer.get("/events");
    EXPECT_EQ(peer.read_head().status, 200);
    EXPECT_EQ(destroyed.value(), 0);
  }
  EXPECT_TRUE(destroyed.await(1));
}

TEST_F(HttpWaiting, a_thousand_long_polls_hold_no_thread) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  options.pool_threads = 1;
  Count polls;
  std::atomic<bool> news = false;
  handler.routes["/poll"] = [&](Request& request) {
    LongPoll poll;
    poll.topic = request.query;
    poll.deadline = std::chrono::steady_clock::now() + 1h;
    poll.poll = [&, topic = request.query](bool) -> std::optional<Response> {
      polls.add();
      return news ? std::optional(text(topic)) : std::nullopt;
    };
    return poll;
  };
  start();
  std::vector<Peer> peers;
  for (int i = 0; i < 1000; ++i) {
    peers.push_back(peer());
    ASSERT_TRUE(peers.back().get("/poll?topic" + std::to_string(i)));
  }
  ASSERT_TRUE(polls.await(1000));
  // The single thread of the pool is free for others.
  Peer other = peer();
  other.get("/hello");
  EXPECT_EQ(other.read().body, "hello");
  news = true;
  for (int i = 999; i >= 0; --i) {
    topics.notify("topic" + std::to_string(i));
    ASSERT_EQ(peers[static_cast<std::size_t>(i)].read().body, "topic" + std::to_string(i));
  }
  EXPECT_EQ(topics.waiters(), 0u);
}

TEST_F(HttpWaiting, a_long_poll_answers_at_its_deadline) {
  handler.routes["/poll"] = [&](Request&) {
    LongPoll poll;
    poll.deadline = std::chrono::steady_clock::now() + 20ms;
    poll.poll = [](bool last) { return last ? std::optional(text("nothing new")) : std::nullopt; };
    return poll;
  };
  start();
  Peer peer = this->peer();
  peer.get("/poll");
  peer.get("/hello");  // pipelined behind it
  EXPECT_EQ(peer.read().body, "nothing new");
  EXPECT_EQ(peer.read().body, "hello");
}

TEST_F(HttpWaiting, a_deferred_answer_comes_from_any_thread) {
  std::vector<std::thread> threads;
  handler.routes["/deferred"] = [&](Request& request) {
    Deferred deferred;
    deferred.start = [&, now = request.query == "now"](auto answer) {
      if (now) return answer(text("deferred"));
      threads.emplace_back([answer] {
        answer(text("deferred"));
        answer(text("dropped"));
      });
    };
    return deferred;
  };
  start();
  Peer peer = this->peer();
  for (const std::string query : {"now", "later", "now", "later"}) {
    peer.get("/deferred?" + query);
    EXPECT_EQ(peer.read().body, "deferred");
  }
  for (std::thread& thread : threads) thread.join();
}

/// What is brief is answered by the thread that reads the requests: while it works, no other request of it is read.
TEST_F(HttpWaiting, brief_work_stays_on_the_thread_of_its_connection) {
  options.io_threads = 1;
  std::set<std::thread::id> threads;
  handler.routes["/brief"] = [&](Request&) {
    threads.insert(std::this_thread::get_id());
    return text("brief");
  };
  handler.routes["/brief/deferred"] = [&](Request&) {
    Deferred deferred;
    deferred.start = [&](auto answer) {
      threads.insert(std::this_thread::get_id());
      answer(text("deferred"));
    };
    return deferred;
  };
  handler.routes["/brief/refused"] = [](Request&) -> Answer { fail(ErrorCode::conflict, "Not so."); };
  start();
  Peer first = peer(), second = peer();
  for (int round = 0; round < 3; ++round) {
    for (Peer* client : {&first, &second}) {
      client->get("/brief");
      EXPECT_EQ(client->read().body, "brief");
      client->get("/brief/deferred");
      EXPECT_EQ(client->read().body, "deferred");
      client->get("/brief/refused");
      EXPECT_EQ(client->read().status, 409);
    }
  }
  EXPECT_THAT(threads, ::testing::ElementsAre(handler.planned_on.load()));
}

TEST_F(HttpWaiting, a_deferred_answer_that_nobody_waits_for_is_dropped) {
  options.request_timeout = 50ms;
  std::mutex mutex;
  std::vector<std::function<void(Response)>> answers;
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  handler.routes["/deferred"] = [&](Request&) {
    Deferred deferred;
    deferred.cancelled = cancelled;
    deferred.start = [&](auto answer) {
      std::lock_guard lock(mutex);
      answers.push_back(answer);
    };
    return deferred;
  };
  start();
  Peer peer = this->peer();
  peer.get("/deferred");
  EXPECT_EQ(peer.read().status, 504);
  EXPECT_TRUE(*cancelled);
  server.reset();
  std::lock_guard lock(mutex);
  for (const auto& answer : answers) answer(text("too late"));
}

}  // namespace
}  // namespace modelops::http
