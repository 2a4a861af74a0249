/** The names that a job can give its time zone: those of the IANA database that Node.js (ICU) and Kubernetes (Go) both know. */
import { nearest } from '../nearest.ts';
import { shown } from './definition-fields.ts';

/**
 * The `backward` and `etcetera` names of the database, which ICU takes but does not list (in whatever case: Kubernetes wants this one). New
 * zones come with Node.js; old names stay as they are.
 */
const aliases: Readonly<Record<string, string>> = {
  Africa: 'Asmara Timbuktu',
  America:
    'Argentina/Buenos_Aires Argentina/Catamarca Argentina/ComodRivadavia Argentina/Cordoba Argentina/Jujuy Argentina/Mendoza Atikokan Atka Ensenada Fort_Wayne Indiana/Indianapolis Kentucky/Louisville Knox_IN Montreal Nipigon Nuuk Pangnirtung Porto_Acre Rainy_River Rosario Santa_Isabel Shiprock Thunder_Bay Virgin Yellowknife',
  Antarctica: 'South_Pole',
  Asia: 'Ashkhabad Choibalsan Chongqing Chungking Dacca Harbin Ho_Chi_Minh Istanbul Kashgar Kathmandu Kolkata Macao Tel_Aviv Thimbu Ujung_Pandang Ulan_Bator Yangon',
  Atlantic: 'Faroe Jan_Mayen',
  Australia: 'ACT Canberra Currie LHI NSW North Queensland South Tasmania Victoria West Yancowinna',
  Brazil: 'Acre DeNoronha East West',
  '': 'CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran Israel Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK Singapore Turkey UCT UTC Universal W-SU WET Zulu',
  Canada: 'Atlantic Central Eastern Mountain Newfoundland Pacific Saskatchewan Yukon',
  Chile: 'Continental EasterIsland',
  Etc: 'GMT GMT+0 GMT+1 GMT+10 GMT+11 GMT+12 GMT+2 GMT+3 GMT+4 GMT+5 GMT+6 GMT+7 GMT+8 GMT+9 GMT-0 GMT-1 GMT-10 GMT-11 GMT-12 GMT-13 GMT-14 GMT-2 GMT-3 GMT-4 GMT-5 GMT-6 GMT-7 GMT-8 GMT-9 GMT0 Greenwich UCT UTC Universal Zulu',
  Europe: 'Belfast Kyiv Nicosia Tiraspol Uzhgorod Zaporozhye',
  Mexico: 'BajaNorte BajaSur General',
  Pacific: 'Chuuk Johnston Kanton Pohnpei Samoa Yap',
  US: 'Alaska Aleutian Arizona Central East-Indiana Eastern Hawaii Indiana-Starke Michigan Mountain Pacific Samoa',
};

let known: ReadonlySet<string> | undefined;

/** Read when first asked for. */
export function timeZoneNames(): ReadonlySet<string> {
  known ??= new Set([
    ...Intl.supportedValuesOf('timeZone'),
    ...Object.entries(aliases).flatMap(([area, places]) =>
      places.split(' ').map((place) => (area === '' ? place : `${area}/${place}`)),
    ),
  ]);
  return known;
}

/** What is wrong with the name of a time zone, with the one that was probably meant; undefined where nothing is. */
export function problemOfTimeZone(name: string): string | undefined {
  if (timeZoneNames().has(name)) return undefined;
  const meant = meantBy(name);
  return `${shown(name)} is no time zone that the cluster knows.${meant ? ` Did you mean "${meant}"?` : ''} Example: "Europe/Rome".`;
}

/** @example meantBy('rome') -> 'Europe/Rome' */
function meantBy(name: string): string | undefined {
  const plain = name.trim().toLowerCase().replaceAll(' ', '_');
  const names = [...timeZoneNames()];
  const place = names.find((one) => one.toLowerCase() === plain || one.toLowerCase().endsWith(`/${plain}`));
  return place ?? nearest(plain, names);
}
