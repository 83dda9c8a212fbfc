"""What the page of a message's link says, by how its alarm stands."""

from __future__ import annotations

from api.answering import Standing
from api.words.texts import later

SENTENCES = {
    Standing.OPEN: later("It waits for somebody to take it on."),
    Standing.TAKEN: later("Acknowledged: nobody else is called about it."),
    Standing.OVER: later("It is over or resolved: there is nothing to acknowledge."),
    Standing.ANEW: later("It has begun again since this message: a newer message has a link of its own."),
    Standing.ASIDE: later("It is put aside for now: nobody is called about it, and there is nothing to acknowledge."),
    Standing.NOT_THEIRS: later(
        "Only a safety officer of the company acknowledges its alarms; you are none, or none any more."
    ),
}
USED = later("This link has been used already.")
NOT_NOW = later("The alarm does not stand as this link found it: nothing was done.")
LINK_REFUSALS = (USED, NOT_NOW, *SENTENCES.values())
# How a transition says by which way somebody acknowledged, as alerting/links.py and api/v1/call_routes.py write it.
BY_KEY = later("by key 1 during the call")
WAYS = (later("by the link of message {number} over {channel}"), BY_KEY)
# What Davy itself keeps with a transition or a version of a limit, in both languages as all words of data are: alerting/exercises.py,
# alerting/ledger.py and davy_raise_faults() (0018).
KEPT = (
    later("exercise {number} / 演练 {number}"),
    later("roll call {number} / 查岗 {number}"),
    later("delivery test {number} / 送达测试 {number}"),
    later("its test was over / 所属测试已结束"),
    later("the broker did not take the test reading / 测试读数未被消息服务器接收"),
    later("the broker has the test reading, ingest did not store it / 消息服务器已接收测试读数，但数据接收未存储"),
    later("the test reading is stored, its alarm did not come / 测试读数已存储，但未产生报警"),
    later("the alarm came, its message was not sent / 报警已产生，但消息未发出"),
    later("the message was sent, its receiver did not take it / 消息已发出，但接收方未收到"),
    later("sent {value} under an instant that is stored with {stored} / 该时刻已存储 {stored}，又报来 {value}"),
    later("lives hang on its sensor / 此传感器关系人身安全: {why}"),
    later("lives hang on its sensor since limit {limit} changed / 限值 {limit} 变更后，此传感器关系人身安全: {why}"),
)
