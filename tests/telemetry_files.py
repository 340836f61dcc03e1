"""Small retyped files of every format that is read, by the name of the format."""

from __future__ import annotations

import json

DAY = [f"2025-03-01T{hour:02}:00" for hour in range(24)]


def _rows(pattern: str, count: int = 6) -> str:
    """`pattern` for the hours 0, 1 and so on: {h} is the hour, {e} its end."""
    return "".join(
        pattern.format(h=hour, hh=f"{hour:02}", e=hour + 1, ee=f"{hour + 1:02}") + "\n"
        for hour in range(count)
    )


OPEN_METEO = {
    "latitude": 51.5,
    "longitude": -0.1,
    "utc_offset_seconds": 0,
    "hourly_units": {
        "time": "iso8601",
        "temperature_2m": "°C",
        "relative_humidity_2m": "%",
    },
    "hourly": {
        "time": DAY,
        "temperature_2m": [float(hour) for hour in range(24)],
        "relative_humidity_2m": [50] * 24,
    },
}
ELECTRICITY_MAPS_API = {
    "zone": "GB",
    "history": [
        {
            "zone": "GB",
            "carbonIntensity": 100 + hour,
            "datetime": f"2025-03-01T{hour:02}:00:00.000Z",
            "emissionFactorType": "lifecycle",
            "isEstimated": hour == 2,
        }
        for hour in range(6)
    ],
}
WATTTIME = {
    "data": [
        {
            "point_time": f"2025-03-01T{minute // 60:02}:{minute % 60:02}:00+00:00",
            "value": 1000.0 + minute // 60,
            "imputed_data_used": minute == 65,
        }
        for minute in range(0, 180, 5)
    ],
    "meta": {
        "data_point_period_seconds": 300,
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "lbs_co2_per_mwh",
    },
}
UK = {
    "data": [
        {
            "from": f"2025-03-01T{half // 2:02}:{30 * (half % 2):02}Z",
            "to": f"2025-03-01T{(half + 1) // 2:02}:{30 * ((half + 1) % 2):02}Z",
            "intensity": {
                "forecast": 200,
                "actual": 100 + half if half < 6 else None,
                "index": "low",
            },
        }
        for half in range(8)
    ]
}
CARBON_AWARE_SDK = [
    {
        "Location": "westus",
        "Time": f"2025-03-01T{hour:02}:00:00+00:00",
        "Rating": 90 + hour,
        "Duration": "01:00:00",
    }
    for hour in range(6)
]
PROMETHEUS = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [
            {
                "metric": {"__name__": "it_load_mw", "site": "dc1"},
                "values": [[1740787200 + 900 * i, str(40 + i)] for i in range(8)],
            },
            {
                "metric": {"__name__": "node_temp", "site": "dc1"},
                "values": [[1740787200 + 900 * i, "21.5"] for i in range(8)],
            },
        ],
    },
}
_EPW_ROW = (
    "2014,1,1,{e},0,?9?9?9,9.4,1.1,56,98000,0,0,300,0,0,0,0,0,0,0,100,1.5,5,0,16.1,"
    "77777,9,999999999,0,0.1,0,88,999,999,99"
)

FILES: dict[str, str] = {
    "csv": "timestamp,region,temperature_c,price_usd_mwh\n"
    + _rows("2025-03-01T{hh}:00:00Z,GB,{h}.5,40.25"),
    "electricity-maps": "Datetime (UTC),Country,Zone name,Zone id,"
    "Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle),"
    "Data source,Data estimated,Data estimation method\n"
    + _rows("2025-03-01 {hh}:00:00,Great Britain,GB,GB,90,10{h},elexon.co.uk,false,"),
    "electricity-maps-archive": "datetime,timestamp,carbon_intensity_avg,zone_name\n"
    + _rows("2025-03-01 {hh}:00:00,1740787200,10{h}.5,GB"),
    "electricity-maps-api": json.dumps(ELECTRICITY_MAPS_API),
    "open-meteo": json.dumps(OPEN_METEO),
    "open-meteo-csv": "latitude,longitude,elevation,utc_offset_seconds,timezone\n"
    "51.49,-0.16,23.0,0,GMT\n\ntime,temperature_2m (°F),cloud_cover (%)\n"
    + _rows("2025-03-01T{hh}:00,50,7{h}"),
    "watttime": json.dumps(WATTTIME),
    "uk-carbon-intensity": json.dumps(UK),
    "carbon-aware-sdk": json.dumps(CARBON_AWARE_SDK),
    "prometheus": json.dumps(PROMETHEUS),
    "entsoe": '"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)"\n'
    + _rows(
        '"01/10/2025 {hh}:00:00 - 01/10/2025 {hh}:15:00","BZN|GB","Sequence 1","1{h}"\n'
        '"01/10/2025 {hh}:15:00 - 01/10/2025 {hh}:30:00","BZN|GB","Sequence 1","2{h}"\n'
        '"01/10/2025 {hh}:30:00 - 01/10/2025 {hh}:45:00","BZN|GB","Sequence 1","3{h}"\n'
        '"01/10/2025 {hh}:45:00 - 01/10/2025 {ee}:00:00","BZN|GB","Sequence 1","4{h}"\n'
        '"01/10/2025 {hh}:00:00 - 01/10/2025 {hh}:15:00","BZN|GB","Sequence 2","99"'
    ),
    "entsoe-former": '"MTU (UTC)","Day-ahead Price [EUR/MWh]","Currency","BZN|GB"\n'
    + _rows('"01.03.2023 {hh}:00 - 01.03.2023 {ee}:00","5{h}.25","EUR",""'),
    "ercot": "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag\n"
    + _rows("03/01/2025,{ee}:00,HB_NORTH,2{h}.5,N"),
    "ercot-real-time": "DeliveryDate,DeliveryHour,DeliveryInterval,"
    "SettlementPointName,SettlementPointType,SettlementPointPrice,DSTFlag\n"
    + _rows(
        "03/01/2025,{e},1,HB_NORTH,HU,10,N\n03/01/2025,{e},2,HB_NORTH,HU,20,N\n"
        "03/01/2025,{e},3,HB_NORTH,HU,30,N\n03/01/2025,{e},4,HB_NORTH,HU,40,N"
    ),
    "caiso": "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,NODE,"
    "LMP_TYPE,MW\n"
    + _rows(
        "2025-03-01T{hh}:00:00-00:00,2025-03-01T{ee}:00:00-00:00,2025-02-28,{e},"
        "TH_NP15,LMP,3{h}.5\n2025-03-01T{hh}:00:00-00:00,2025-03-01T{ee}:00:00-00:00,"
        "2025-02-28,{e},TH_NP15,MCC,-1"
    ),
    "ieso": "\\\\Hourly Ontario Energy Price\n\\\\Created at 2025-03-02\n"
    "Date,Hour,HOEP,Hour 1 Predispatch,OR 10 Min Sync\n"
    + _rows("2025-03-01,{e},2{h}.5,30,1"),
    "aemo": "REGION,SETTLEMENTDATE,TOTALDEMAND,RRP,PERIODTYPE\n"
    + _rows(
        "NSW1,2025/03/01 {hh}:30:00,7000,4{h},TRADE\n"
        "NSW1,2025/03/01 {ee}:00:00,7000,6{h},TRADE"
    ),
    "aemo-archive": "C,NEMP.WORLD,DISPATCHIS,AEMO,PUBLIC\n"
    "I,DISPATCH,PRICE,4,SETTLEMENTDATE,RUNNO,REGIONID,RRP\n"
    + _rows(
        'D,DISPATCH,PRICE,4,"2025/03/01 {hh}:30:00",1,NSW1,4{h}\n'
        'D,DISPATCH,PRICE,4,"2025/03/01 {ee}:00:00",1,NSW1,6{h}'
    ),
    "meteostat": "time,temp,dwpt,rhum,prcp,wdir,wspd,pres,coco\n"
    + _rows("2025-03-01 {hh}:00:00,1{h}.5,3,60,,180,10.8,1013,2"),
    "meteostat-bulk": _rows("2025-03-01,{h},1{h}.5,3,60,,,180,10.8,,1013,,2"),
    "meteostat-parts": "year,month,day,hour,temp,temp_source,rhum,rhum_source,cldc\n"
    + _rows("2025,3,1,{h},1{h}.5,isd_lite,60,isd_lite,8"),
    "metar": "#DEBUG: time\nstation,valid,tmpf,dwpf,relh,sknt,metar\n"
    + _rows("PHX,2025-03-01 {hh}:51,50,M,50,10,KPHX AUTO\n", 5)
    + "PHX,2025-03-01 05:17,77,M,50,10,KPHX SPECI\n"
    "PHX,2025-03-01 05:51,50,M,50,10,KPHX AUTO\n",
    "lcd": "STATION,DATE,REPORT_TYPE,HourlyDryBulbTemperature,"
    "HourlyRelativeHumidity,HourlyWindSpeed\n"
    + _rows("72278023183,2025-03-01T{hh}:51:00,FM-15,50,50,10")
    + "72278023183,2025-03-01T23:59:00,SOD,,,\n",
    "isd": "STATION,DATE,SOURCE,LATITUDE,LONGITUDE,REPORT_TYPE,WND,TMP\n"
    + _rows(
        '72278023183,2025-03-01T{hh}:51:00,7,33.43,-112.00,FM-15,"190,1,N,0030,1",'
        '"+009{h},1"'
    )
    + '72278023183,2025-03-01T06:51:00,7,33.43,-112.00,FM-15,"999,9,9,9999,9",'
    '"+9999,9"\n',
    "epw": "LOCATION,Some City,AZ,USA,SRC-TMYx,722780,33.4,-112.0,-7.0,337.4\n"
    "DESIGN CONDITIONS,0\n" + _rows(_EPW_ROW),
    "tmy3": '723170,"SOMEWHERE",NC,-5.0,36.100,-79.950,273\n'
    "Date (MM/DD/YYYY),Time (HH:MM),Dry-bulb (C),RHum (%),Wspd (m/s)\n"
    + _rows("01/01/1988,{ee}:00,10.0,8{h},6.2"),
    "nsrdb": "Source,Location ID,Latitude,Longitude,Time Zone,Version\n"
    "NSRDB,1234,40.0,-80.0,-5,4.0\nYear,Month,Day,Hour,Minute,Temperature,Wind Speed\n"
    + _rows("2023,1,1,{h},0,4.{h},3"),
    "pvgis": "Latitude (decimal degrees): 45.000\nLongitude (decimal degrees): 8.000\n"
    "month,year\n1,2005\ntime(UTC),T2m,RH,WS10m\n"
    + _rows("20050101:{hh}00,3.{h},80,2")
    + "T2m: 2-m air temperature (degree Celsius)\n",
    "eia-930": "Balancing Authority,Data Date,Hour Number,UTC Time at End of Hour,"
    "Demand (MW)\n" + _rows('CISO,03/01/2025,{e},03/01/2025 {e}:00:00 AM,"2{h}"'),
}
"""Names beyond a dash are variants of the format before it."""
