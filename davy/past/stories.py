"""The demo's sixty days, site by site: which alarms come now and then, which findings and impairments there were."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from davy.past.told import INTEGRATOR, OFFICER, Act, Ending, Habit, Kind, Outage, Shelf, Story, five

FARM: Final = "huaihai-tank-farm"
MINE: Final = "qinling-mine"
STATION: Final = "minjiang-pump-station"

HABITS: Final = {
    FARM: Habit(first_s=520, last_s=110),  # got better at it
    MINE: Habit(first_s=240, last_s=330),
    STATION: Habit(first_s=150, last_s=130),
}

# What the demo itself makes happen is left out: an alarm that rings now has no made-up life behind it.
KINDS: Final = (
    Kind(
        site=FARM, sensor="lel-yard-2", definition="lel-1", times=5, values=(20.5, 31.0), lasts_min=(3, 25),
        endings=(
            Ending("near_miss", "槽车卸料软管接头微漏，停止卸料并更换垫片，复测为零。"),
            Ending("nuisance", "现场复测为零，附近使用清洗溶剂所致，已清理。"),
            Ending("true_danger", "T2根部法兰渗漏，紧固螺栓并带压堵漏，周边警戒两小时。"),
        ),
    ),
    Kind(
        site=FARM, sensor="level-t3", definition="high", times=4, values=(90.2, 92.5), lasts_min=(10, 50),
        endings=(
            Ending("near_miss", "进料未及时切换，已切至T4并核对液位。"),
            Ending("test_or_drill", "液位联锁季度试验，按方案进行。"),
        ),
    ),
    Kind(
        site=FARM, sensor="pressure-t2", definition="high", times=3, values=(1502.0, 1560.0), lasts_min=(15, 80),
        endings=(Ending("near_miss", "午后气温高，开启喷淋后压力回落。"),),
    ),
    Kind(
        site=FARM, sensor="temp-t4", definition="high", times=4, values=(40.1, 42.0), lasts_min=(40, 150),
        endings=(Ending("nuisance", "测温元件受日光直射，已加遮阳罩。"), Ending("near_miss", "开启喷淋降温。")),
    ),
    Kind(
        site=MINE, sensor="ch4-return", definition="high", times=6, values=(1.02, 1.32), lasts_min=(4, 30),
        endings=(
            Ending("true_danger", "回风流瓦斯超限，停止作业、断电撤人，调整风门后恢复正常。"),
            Ending("near_miss", "采面放顶后瓦斯涌出，加大风量。"),
            Ending("sensor_fault", "传感器零点漂移，已用标准气样调校。"),
        ),
    ),
    Kind(
        site=MINE, sensor="co-return", definition="high", times=3, values=(25.0, 41.0), lasts_min=(10, 40),
        endings=(Ending("nuisance", "井下放炮后炮烟经过，加强通风后回落。"),),
    ),
    Kind(
        site=MINE, sensor="airspeed", definition="low", times=4, values=(0.18, 0.46), lasts_min=(3, 20),
        endings=(
            Ending("near_miss", "两道风门同时打开，已关闭并教育当班人员。"),
            Ending("test_or_drill", "主通风机倒机试验。"),
        ),
    ),
    Kind(
        site=STATION, sensor="lift-discharge", definition="high", times=3, values=(571.0, 590.0), lasts_min=(5, 20),
        endings=(Ending("near_miss", "出口阀未全开，已开启到位。"),),
    ),
    Kind(
        site=STATION, sensor="well-level", definition="low", times=4, values=(1.32, 1.48), lasts_min=(20, 90),
        endings=(Ending("near_miss", "河道水位低，减小取水量并清理进水闸。"),),
    ),
    Kind(
        site=STATION, sensor="lift-bearing", definition="high", times=2, values=(80.3, 83.0), lasts_min=(30, 80),
        endings=(Ending("near_miss", "润滑脂不足，补脂后温度回落。"),),
    ),
)  # fmt: skip

FINDINGS: Final = (
    Story(site=FARM, zone="tank-yard", acts=(
        Act(before=24, what="report", by=OFFICER, words={
            "title": "T2罐紧急切断阀关闭试验不合格", "grade": "major",
            "description": "季度试验时气动执行机构卡涩，关闭时间超过30秒。"}),
        Act(before=23.9, what="grade", by=OFFICER, words={"grade": "major"}),
        Act(before=23.5, what="plan", by=OFFICER, words=five(
            "更换执行机构并重新试验", "28000元，安全生产费用", -9.0, "T2罐限量储存，阀门专人值守，异常时手动关闭")),
        Act(before=11, what="note", by=INTEGRATOR, words={"note": "备件厂家延期发货，预计月底到货。"}),
    )),
    Story(site=FARM, zone="pump-house", acts=(
        Act(before=52, what="report", by=INTEGRATOR, words={
            "title": "泵房防爆接线箱一处密封圈缺失", "grade": "general", "description": ""}),
        Act(before=51.8, what="grade", by=OFFICER, words={"grade": "general"}),
        Act(before=51.7, what="plan", by=OFFICER, words=five("更换密封圈，检查全部接线箱", "600元", -45.0, "停用该回路")),
        Act(before=47, what="claim", by=INTEGRATOR, words={"note": "已更换，逐箱检查完毕。"}),
        Act(before=46.5, what="verify", by=OFFICER, words={"note": "现场查看12个接线箱，密封完好。"}),
    )),
    Story(site=FARM, zone="tank-yard", acts=(
        Act(before=13, what="report", by=OFFICER, words={
            "title": "卸车区静电接地报警器失灵", "grade": "general", "description": "接地夹未夹好时不报警。"}),
        Act(before=12.9, what="grade", by=OFFICER, words={"grade": "general"}),
        Act(before=12.8, what="plan", by=OFFICER, words=five("更换接地报警器并测试", "3500元", 3.0, "卸车前人工测量接地电阻")),
        Act(before=1.2, what="claim", by=INTEGRATOR, words={"note": "已更换，夹线断开即报警。"}),
    )),
    Story(site=FARM, zone="tank-yard", acts=(
        Act(before=0.8, what="report", by=INTEGRATOR, words={
            "title": "T1罐喷淋管一处喷头堵塞", "grade": "general", "description": "喷淋试验时南侧一个喷头不出水。"}),
    )),
    Story(site=MINE, zone="return-airway", acts=(
        Act(before=41, what="report", by=OFFICER, words={
            "title": "回风巷联络风门闭锁装置失效", "grade": "major", "description": "两道风门可以同时打开。"}),
        Act(before=40.9, what="grade", by=OFFICER, words={"grade": "major"}),
        Act(before=40.5, what="plan", by=OFFICER, words=five("修复闭锁装置", "9000元", -31.0, "专人看守风门")),
        Act(before=35, what="claim", by=INTEGRATOR, words={"note": "闭锁已修复。"}),
        Act(before=34.5, what="send_back", by=OFFICER, words={"reason": "复查时第二道门仍可强行推开。"}),
        Act(before=32, what="claim", by=INTEGRATOR, words={"note": "更换闭锁销，试验20次均有效。"}),
        Act(before=31.5, what="verify", by=OFFICER, words={"note": "现场试验10次，闭锁有效。"}),
    )),
    Story(site=MINE, zone="return-airway", acts=(
        Act(before=10, what="report", by=OFFICER, words={
            "title": "监控分站备用电源续航不足", "grade": "general", "description": "断电后不到一小时分站离线。"}),
        Act(before=9.8, what="grade", by=OFFICER, words={"grade": "general"}),
        Act(before=9.6, what="plan", by=OFFICER, words=five("更换蓄电池组", "15000元", 12.0, "断电时人工每半小时检测瓦斯")),
    )),
    Story(site=STATION, zone="pump-hall", acts=(
        Act(before=29, what="report", by=INTEGRATOR, words={
            "title": "泵房排水泵不能自动启动", "grade": "general", "description": "浮球开关卡住。"}),
        Act(before=28.8, what="grade", by=OFFICER, words={"grade": "general"}),
        Act(before=28.7, what="plan", by=OFFICER, words=five("更换浮球开关", "400元", -22.0, "值班人员每两小时查看集水坑")),
        Act(before=26, what="claim", by=INTEGRATOR, words={"note": "已更换，注水试验可自动启动。"}),
        Act(before=25.6, what="verify", by=OFFICER, words={"note": "注水试验两次，启停正常。"}),
    )),
    Story(site=STATION, zone="pump-hall", acts=(
        Act(before=18, what="report", by=OFFICER, words={
            "title": "1号泵联轴器防护罩固定螺栓缺失", "grade": "general", "description": ""}),
        Act(before=17.9, what="grade", by=OFFICER, words={"grade": "general"}),
        Act(before=17.8, what="plan", by=OFFICER, words=five("补齐螺栓，加防松垫片", "100元", -5.0, "设警示带，巡检时保持距离")),
        Act(before=6, what="extend", by=OFFICER, words={"due_days": 6.0, "reason": "须停泵作业，安排在下次检修窗口。"}),
    )),
)  # fmt: skip

IMPAIRMENTS: Final = (
    Story(site=FARM, zone="pump-house", acts=(
        Act(before=36, what="begin", by=OFFICER, words={
            "kind": "fire_pump", "what": "2号消防泵", "reason": "更换机械密封",
            "interim_measures": "1号泵保持自动，柴油泵试运行合格，泵房加密巡检。", "until_days": -35.2}),
        Act(before=34.9, what="restore", by=OFFICER, words={"proof": "启动试验30分钟，压力、流量合格，恢复自动。"}),
    )),
    Story(site=FARM, zone="tank-yard", acts=(
        Act(before=2.6, what="begin", by=OFFICER, words={
            "kind": "sprinkler_valve", "what": "T3罐喷淋雨淋阀", "reason": "阀芯卡涩，拆检",
            "interim_measures": "消防水炮对准T3罐，停止T3进料，专人看守。", "until_days": -0.9}),
    )),
    Story(site=MINE, zone="return-airway", acts=(
        Act(before=20, what="begin", by=OFFICER, words={
            "kind": "fire_panel", "what": "皮带巷火灾报警主机", "reason": "主板更换",
            "interim_measures": "皮带巷专人巡查，每小时测一氧化碳。", "until_days": -19.5}),
        Act(before=19.6, what="restore", by=INTEGRATOR, words={"proof": "逐点模拟火警12个，主机和地面均收到。"}),
    )),
)  # fmt: skip

OUTAGES: Final = (
    Outage(site=MINE, device="qm-gas-1", before=44.0, lasts=timedelta(hours=9)),
    # Night after night since its battery gave out, which a finding above says: confidence falls.
    *(Outage(site=MINE, device="qm-gas-1", before=n + 0.4, lasts=timedelta(hours=9)) for n in range(1, 9)),
    Outage(site=FARM, device="tf-tank-1", before=28.0, lasts=timedelta(hours=6)),
    Outage(site=STATION, device="ps-vib-1", before=15.0, lasts=timedelta(hours=5)),
)

SHELVES: Final = (
    Shelf(
        site=FARM, sensor="lel-yard-4", definition="lel-1", before=16.3, lasts=timedelta(hours=6),
        reason="东侧管廊动火作业，作业点另设便携式检测仪连续监测",
    ),
    Shelf(
        site=STATION, sensor="lift-winding", definition="high", before=27.4, lasts=timedelta(hours=4),
        reason="测温元件校验",
    ),
)  # fmt: skip
